// What older compilers lack of the vector extensions.
#pragma once
#include <stdint.h>

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 12
// GCC had shuffles under another name before version 12.
template <class V> struct ShuffleMask {
  typedef int32_t type __attribute__((vector_size(sizeof(V))));
};
#define __builtin_shufflevector(a, b, ...) __builtin_shuffle((a), (b), (typename ShuffleMask<__typeof__(a)>::type){__VA_ARGS__})
#endif
