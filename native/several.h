// Several vectors in step: an operation on them is one operation on each. The elementary functions are long chains; written one vector
// after the other, a core's schedulers fill with what waits and the units stand still. Every lane has the bits it has alone.
#pragma once
#include "vec.h"

namespace KNS {

template <class V, int U> struct Several { V v[U]; };

// How many vectors an operand is: 0 for one that serves all of them, a vector or a number.
template <class T> struct Width { static constexpr int U = 0; };
template <class V, int N> struct Width<Several<V, N>> { static constexpr int U = N; };

template <bool> struct Enabled {};
template <> struct Enabled<true> { typedef int type; };
#define NABLA_IF_SEVERAL(T) typename Enabled<(0 | ... | Width<T>::U) != 0>::type = 0

template <class T> NABLA_INLINE T nth(const T& x, int) { return x; }
template <class V, int U> NABLA_INLINE V nth(const Several<V, U>& x, int u) { return x.v[u]; }

template <class F, class... T> NABLA_INLINE auto each(const F& f, const T&... x) {
  constexpr int U = (0 | ... | Width<T>::U);
  Several<decltype(f(nth(x, 0)...)), U> r;
#pragma GCC unroll 8
  for (int u = 0; u < U; u++) r.v[u] = f(nth(x, u)...);
  return r;
}

#define NABLA_EACH_OPERATOR(op)                                                                       \
  template <class A, class B, typename Enabled<(Width<A>::U | Width<B>::U) != 0>::type = 0>           \
  NABLA_INLINE auto operator op(const A& a, const B& b) {                                             \
    return each([](auto x, auto y) NABLA_LAMBDA { return x op y; }, a, b);          \
  }
NABLA_EACH_OPERATOR(+)
NABLA_EACH_OPERATOR(-)
NABLA_EACH_OPERATOR(*)
NABLA_EACH_OPERATOR(/)
NABLA_EACH_OPERATOR(&)
NABLA_EACH_OPERATOR(|)
NABLA_EACH_OPERATOR(^)
NABLA_EACH_OPERATOR(<<)
NABLA_EACH_OPERATOR(>>)
NABLA_EACH_OPERATOR(<)
NABLA_EACH_OPERATOR(<=)
NABLA_EACH_OPERATOR(>)
NABLA_EACH_OPERATOR(>=)
NABLA_EACH_OPERATOR(==)
NABLA_EACH_OPERATOR(!=)

#define NABLA_EACH(f)                                                                                 \
  template <class... T, NABLA_IF_SEVERAL(T)> NABLA_INLINE auto f(const T&... x) {                     \
    return each([](auto... one) NABLA_LAMBDA { return f(one...); }, x...);          \
  }
NABLA_EACH(vfma)
NABLA_EACH(vsel)
NABLA_EACH(vabs)
NABLA_EACH(vcopysign)
NABLA_EACH(vatMost)
NABLA_EACH(vatLeast)
NABLA_EACH(vmax)
NABLA_EACH(vmin)
NABLA_EACH(vsqrt)
NABLA_EACH(vfloor)
NABLA_EACH(vidiv)
NABLA_EACH(vtof)
NABLA_EACH(vtoi)
NABLA_EACH(vtou)
NABLA_EACH(vfromF16)
NABLA_EACH(vtoF16)
NABLA_EACH(vfromBF16)
NABLA_EACH(vtoBF16)

// The same bits as lanes of another type.
template <class To, class T, typename Enabled<Width<T>::U == 0>::type = 0> NABLA_INLINE To as(const T& x) { return (To)x; }
template <class To, class V, int U> NABLA_INLINE auto as(const Several<V, U>& x) {
  return each([](auto one) NABLA_LAMBDA { return (To)one; }, x);
}

}  // namespace KNS
