// Windows and scans against naive loops over every element.
#include "check.h"

using nabla::CumulateTask;
using nabla::WindowTask;

extern bool quick;

namespace {

// Small whole numbers, so that sums are exact and ties occur; now and then a NaN.
template <class T> void fillWhole(Buffer<T>& b, Rng& rng, bool nan) {
  for (idx i = 0; i < b.size; i++) {
    b[i] = (T)rng.between(std::is_same<T, uint32_t>::value ? 0 : -5, 5);
    if (nan && rng.below(9) == 0) b[i] = (T)std::numeric_limits<T>::quiet_NaN();
  }
}
template <class T> constexpr nabla::DType dtypeOf() {
  return std::is_same<T, float>::value ? nabla::F32 : std::is_same<T, int32_t>::value ? nabla::I32 : nabla::U32;
}
template <class T> T least() {
  return std::is_same<T, float>::value ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
}
template <class T> bool isNan(T x) { return x != x; }

template <class T> uint64_t windowCase(const Isa& isa, WindowTask t, Rng& rng, uint64_t hash) {
  idx in = 1, size = 1, taps = 1;
  for (int d = 0; d < t.rank; d++) in *= t.in[d], size *= t.size[d], taps *= t.window[d];
  Buffer<T> src(in), sum(size), max(size);
  fillWhole(src, rng, std::is_same<T, float>::value && rng.coin());
  Buffer<int32_t> arg(size);
  for (idx p = 0; p < size; p++) {
    sum[p] = 0, max[p] = least<T>(), arg[p] = -1;
    for (idx k = 0; k < taps; k++) {
      idx restP = p, restK = k, at = 0, scale = 1;
      bool inside = true;
      for (int d = t.rank - 1; d >= 0; d--) {
        idx x = restP % t.size[d] * t.stride[d] + restK % t.window[d] * t.dilation[d] - t.padLo[d];
        restP /= t.size[d], restK /= t.window[d];
        inside = inside && x >= 0 && x < t.in[d];
        at += x * scale, scale *= t.in[d];
      }
      if (!inside) continue;
      T x = src[at];
      sum[p] += x;
      if (arg[p] < 0 || x > max[p] || (isNan(x) && !isNan(max[p]))) max[p] = x, arg[p] = (int32_t)at;
    }
  }
  t.dtype = dtypeOf<T>();
  t.src = src.data;
  for (int threads : {1, 2, 3}) {
    Buffer<T> out(size);
    Buffer<int32_t> index(size);
    auto same = [&](const Buffer<T>& want) {
      for (idx i = 0; i < size; i++)
        if (out[i] != want[i] && !(isNan(out[i]) && isNan(want[i]))) return false;
      return true;
    };
    t.out = out.data;
    t.kind = nabla::REDUCE_SUM;
    spmd(threads, 0, [&](Worker& w) { isa.table->reduceWindow(t, w); });
    CHECK(same(sum), "%s reduceWindow sum rank %d, %d threads", isa.table->name, t.rank, threads);
    t.kind = nabla::REDUCE_MAX;
    spmd(threads, 0, [&](Worker& w) { isa.table->reduceWindow(t, w); });
    CHECK(same(max), "%s reduceWindow max rank %d, %d threads", isa.table->name, t.rank, threads);
    t.out = index.data;
    spmd(threads, 0, [&](Worker& w) { isa.table->argWindow(t, w); });
    CHECK(sameBits(index, arg), "%s argWindow rank %d, %d threads", isa.table->name, t.rank, threads);
    hash = hashBytes(hash, index.data, (size_t)size * 4);
  }
  return hash;
}

template <class T> uint64_t cumulateCase(const Isa& isa, CumulateTask t, Rng& rng, uint64_t hash) {
  idx n = t.outer * t.length * t.inner;
  Buffer<T> src(n), want(n);
  fillWhole(src, rng, std::is_same<T, float>::value && rng.below(4) == 0);
  for (idx o = 0; o < t.outer; o++)
    for (idx i = 0; i < t.inner; i++)
      for (idx s = 0; s < t.length; s++) {
        idx l = t.reverse ? t.length - 1 - s : s, at = (o * t.length + l) * t.inner + i, before = at + (t.reverse ? t.inner : -t.inner);
        T x = src[at];
        if (s > 0) {
          T p = want[before];
          if (t.kind == nabla::REDUCE_SUM) x = p + x;
          else if (t.kind == nabla::REDUCE_PROD) x = (T)(std::is_same<T, float>::value ? p * x : (T)((uint32_t)p * (uint32_t)x));
          else x = isNan(p) || p > x ? p : x;
        }
        want[at] = x;
      }
  t.dtype = dtypeOf<T>();
  for (int threads : {1, 2, 3})
    for (bool inPlace : {false, true}) {
      Buffer<T> out(n);
      if (inPlace) std::memcpy(out.data, src.data, (size_t)n * sizeof(T));
      t.src = inPlace ? out.data : src.data;
      t.out = out.data;
      spmd(threads, 0, [&](Worker& w) { isa.table->cumulate(t, w); });
      bool same = true;
      for (idx i = 0; i < n; i++) same = same && (out[i] == want[i] || (isNan(out[i]) && isNan(want[i])));
      CHECK(same, "%s cumulate %d [%td, %td, %td] reverse %d", isa.table->name, (int)t.kind, t.outer, t.length, t.inner, (int)t.reverse);
    }
  return hashBytes(hash, want.data, (size_t)n * sizeof(T));
}

}  // namespace

uint64_t testWindow(const Isa& isa) {
  Rng rng(31);
  uint64_t hash = HASH_START;
  for (int round = 0; round < (quick ? 120 : 500); round++) {
    WindowTask t{};
    t.rank = (int32_t)rng.between(1, round % 10 == 0 ? 6 : 4);
    int plain = (int)rng.below(3);  // trailing axes left alone
    for (int d = 0; d < t.rank; d++) {
      t.in[d] = rng.between(t.rank == 6 ? 1 : 0, t.rank > 4 ? 3 : 8);
      t.window[d] = t.stride[d] = t.dilation[d] = 1;
      t.size[d] = t.in[d];
      if (d >= t.rank - plain) {
        if (d == t.rank - 1) t.size[d] = t.in[d] = rng.between(1, 70);
        continue;
      }
      t.window[d] = rng.between(1, 3), t.stride[d] = rng.between(1, 3), t.dilation[d] = rng.between(1, 2), t.padLo[d] = rng.between(-1, 3);
      idx span = t.in[d] + t.padLo[d] + rng.between(-1, 3) - (t.window[d] - 1) * t.dilation[d] - 1;
      t.size[d] = span < 0 ? 0 : span / t.stride[d] + 1;
    }
    if (round % 3 == 0) hash = windowCase<float>(isa, t, rng, hash);
    else if (round % 3 == 1) hash = windowCase<int32_t>(isa, t, rng, hash);
    else hash = windowCase<uint32_t>(isa, t, rng, hash);
  }
  // Windows over more lines than are listed at once, and over as many as can be; channels within and beyond a vector.
  struct {
    idx window, channels;
  } tall[] = {{9, 6}, {8, 3}, {9, 21}, {8, 37}};
  for (auto& s : tall) {
    WindowTask t{};
    t.rank = 4;
    idx in[] = {11, 10, 7, s.channels}, window[] = {s.window, s.window, 2, 1}, stride[] = {2, 1, 2, 1}, pad[] = {3, 2, 1, 0};
    for (int d = 0; d < 4; d++) {
      t.in[d] = in[d], t.window[d] = window[d], t.stride[d] = stride[d], t.padLo[d] = pad[d], t.dilation[d] = 1;
      t.size[d] = (in[d] + 2 * pad[d] - window[d]) / stride[d] + 1;
    }
    hash = windowCase<float>(isa, t, rng, hash);
    hash = windowCase<int32_t>(isa, t, rng, hash);
  }
  for (int round = 0; round < (quick ? 60 : 200); round++) {
    CumulateTask t{};
    t.outer = rng.between(0, 4), t.length = rng.between(0, 20), t.inner = rng.coin() ? 1 : rng.between(1, round % 5 ? 40 : 600);
    t.reverse = rng.coin();
    t.kind = (nabla::ReduceKind)rng.below(3);
    if (round % 3 == 0) hash = cumulateCase<float>(isa, t, rng, hash);
    else if (round % 3 == 1) hash = cumulateCase<int32_t>(isa, t, rng, hash);
    else hash = cumulateCase<uint32_t>(isa, t, rng, hash);
  }
  return hash;
}
