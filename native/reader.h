// Reads a program's words; after the first thing that is wrong every read gives 0 and the text stays.
#pragma once
#include <stdint.h>
#include <string>
#include "kernels.h"

namespace nabla {

constexpr idx MOST = (idx)1 << 46;  // elements, bytes, strides: far above any memory, far below overflow

class Reader {
 public:
  Reader(const int32_t* words, size_t count) : at_(words), end_(words + count) {}
  bool ok() const { return wrong_.empty(); }
  const std::string& wrong() const { return wrong_; }
  void fail(const std::string& what) {
    if (wrong_.empty()) wrong_ = what;
  }
  void require(bool holds, const char* what) {
    if (!holds) fail(what);
  }
  size_t left() const { return (size_t)(end_ - at_); }
  int32_t word() {
    if (!ok() || at_ == end_) {
      fail("it ends early");
      return 0;
    }
    return *at_++;
  }
  // 0 <= value < limit
  int32_t below(int32_t limit, const char* what) {
    const int32_t v = word();
    if (v < 0 || v >= limit) fail(std::string(what) + " is out of range");
    return ok() ? v : 0;
  }
  // A count of things of at least `words` words each.
  int32_t count(int32_t words, const char* what) {
    const int32_t v = word();
    if (v < 0 || (size_t)v * (size_t)words > left()) fail(std::string("the number of ") + what + " is out of range");
    return ok() ? v : 0;
  }
  idx number(const char* what) {
    const uint32_t low = (uint32_t)word();
    const int32_t high = word();
    const idx v = (idx)(((uint64_t)(uint32_t)high << 32) | low);
    if (v < -MOST || v > MOST) fail(std::string(what) + " is out of range");
    return ok() ? v : 0;
  }
  idx size(const char* what) {
    const idx v = number(what);
    if (v < 0) fail(std::string(what) + " is negative");
    return ok() ? v : 0;
  }
  bool flag(const char* what) { return below(2, what) == 1; }
  const int32_t* at() const { return at_; }

 private:
  const int32_t *at_, *end_;
  std::string wrong_;
};

// a * b, failing above MOST.
inline idx product(Reader& in, idx a, idx b, const char* what) {
  const __int128 p = (__int128)a * b;
  if (p > MOST || p < -MOST) {
    in.fail(std::string(what) + " is out of range");
    return 0;
  }
  return (idx)p;
}

}  // namespace nabla
