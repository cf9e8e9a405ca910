// Convolution with images abreast, forward and for the input's gradient: a tile computes one pixel of several images. Lines of the source
// are laid out as [pixel][channel][image], so that the taps along one are a run of k, and taps outside the source are left out.
// Results are images x channels, or channels x images where that fills vectors better.
#pragma once
#include "gemm.h"
#include "patch.h"
#include "runs.h"

namespace KNS {

constexpr idx LEAST_ABREAST = 8;       // images
constexpr idx LINE_FLOATS = 1 << 17;   // of the source lines kept at once
constexpr idx MOST_RUNS = 1 << 12;     // of the pixels of a line
constexpr idx RUN_DEPTH = 1 << 10;     // of one pass over k, roughly
constexpr idx BAND_FLOATS = 1 << 12;   // of results of an image handed to an epilogue at once, roughly
constexpr idx DIRECT_COLS = 64;        // weights with more columns are packed

struct Abreast {
  Lattice l;
  idx inC, outC;        // of a group: channels of the source, of the result
  bool turned;          // channels x images
  idx strips, width;    // of images; the most of one
  idx slots[2];         // of lines kept: along axes 0 and 1
  idx chunk, reach;     // most pixels of a line at once, and of the source under them
  idx band;             // lines at once
};

NABLA_INLINE double filled(idx n) { return (double)n / (double)roundUp(n, VN); }
// Source pixels along axis d under `pixels` of the result.
NABLA_INLINE idx under(const Lattice& l, int d, idx pixels) {
  return least(l.source[d], ((pixels - 1) * l.scale[d] + most(0, l.kernel[d] - 1) * l.step[d]) / l.divide[d] + 1);
}

NABLA_INLINE Abreast abreastOf(const ConvTask& t, bool backward) {
  Abreast s;
  s.l = backward ? backwardLattice(t) : forwardLattice(t);
  const Lattice& l = s.l;
  s.inC = (backward ? t.o : t.c) / t.groups, s.outC = (backward ? t.c : t.o) / t.groups;
  s.turned = filled(s.outC) < 0.7 * filled(t.n);
  const idx widest = s.turned ? NR : MR;
  s.strips = (t.n + widest - 1) / widest;
  s.width = s.turned ? least(t.n, NR) : (t.n + s.strips - 1) / s.strips;
  for (int d = 0; d < 2; d++) s.slots[d] = under(l, d, 1);
  const idx pixel = most(1, s.slots[0] * s.slots[1] * s.inC * s.width);
  s.chunk = least(l.pixels[2], most(1, MOST_RUNS / most(1, l.kernel[2])));
  while (s.chunk > 1 && under(l, 2, s.chunk) * pixel > LINE_FLOATS) s.chunk = (s.chunk + 1) / 2;
  s.reach = under(l, 2, s.chunk);
  s.band = s.chunk < l.pixels[2] ? 1 : most(1, least(l.pixels[1], BAND_FLOATS / most(1, l.pixels[2] * least(s.outC, PART))));
  return s;
}
// Images of strip i.
NABLA_INLINE Range stripOf(const Abreast& s, idx n, idx i) {
  if (s.turned) return Range{i * NR, least(n, (i + 1) * NR)};
  return Range{cutRows(n, i, s.strips), cutRows(n, i + 1, s.strips)};
}

// Byte offsets in the scratch memory.
struct AbreastParts {
  idx lines, weights, results, turned, runs, ends, list, held, total;
};
NABLA_INLINE AbreastParts abreastParts(const ConvTask& t, const Abreast& s) {
  const idx number = (idx)sizeof(float), taps = tapsOf(t.kernel), cols = least(PART, s.outC), slots = s.slots[0] * s.slots[1];
  AbreastParts p;
  p.lines = 0;
  p.weights = p.lines + roundUp(slots * s.reach * s.inC * s.width * number, 64);
  p.results = p.weights + roundUp(taps * s.inC * (cols + NR) * number, 64);
  p.turned = p.results + roundUp(s.width * s.band * s.chunk * cols * number, 64);
  p.runs = p.turned + (s.turned ? roundUp(s.width * s.chunk * cols * number, 64) : 0);
  p.ends = p.runs + s.chunk * t.kernel[2] * (idx)sizeof(Run);
  p.list = p.ends + s.chunk * (idx)sizeof(idx);
  p.held = p.list + t.kernel[0] * t.kernel[1] * (idx)sizeof(Line);
  p.total = p.held + slots * (idx)sizeof(idx);
  return p;
}

// ---- the order of taps ----

NABLA_INLINE idx greatestDivisor(idx a, idx b) {
  while (b != 0) {
    const idx rest = a % b;
    a = b, b = rest;
  }
  return a;
}
// Where the weights of each tap of an axis lie: those together that meet the same pixels.
struct Places {
  idx period, each, more;
};
NABLA_INLINE Places placesOf(const Lattice& l, int d) {
  const idx period = l.divide[d] / greatestDivisor(l.divide[d], l.step[d]);
  return Places{period, l.kernel[d] / period, l.kernel[d] % period};
}
NABLA_INLINE idx placeOf(const Places& p, idx tap) {
  if (p.period == 1) return tap;
  const idx which = tap % p.period;
  return which * p.each + least(which, p.more) + tap / p.period;
}

// The weights of group g and columns c .. c+cols of the result, in that order: panels of NR columns, or strips of at most MR.
NABLA_FUNCTION void packWeights(float* to, const ConvTask& t, const Abreast& s, bool backward, idx g, idx c, idx cols) {
  const Lattice& l = s.l;
  const idx taps = tapsOf(l.kernel), strips = s.turned ? (cols + MR - 1) / MR : (cols + NR - 1) / NR;
  const Places places[3] = {placesOf(l, 0), placesOf(l, 1), placesOf(l, 2)};
  if (s.inC == 0) return;
  for (idx i = 0; i < strips; i++) {
    const idx j = s.turned ? cutRows(cols, i, strips) : i * NR, end = s.turned ? cutRows(cols, i + 1, strips) : least(cols, j + NR);
    const idx n = end - j, width = s.turned ? n : wholeVectors(n);
    float* strip = to + j * taps * s.inC;
    if (!backward) {
      packRows(strip, width, t.b + g * s.outC + c + j, t.o, n, taps * s.inC);
      continue;
    }
    for (idx tap = 0; tap < taps; tap++) {
      const idx tw = tap % l.kernel[2], th = tap / l.kernel[2] % l.kernel[1], td = tap / l.kernel[2] / l.kernel[1];
      const idx place = (placeOf(places[0], td) * l.kernel[1] + placeOf(places[1], th)) * l.kernel[2] + placeOf(places[2], tw);
      // Backwards, as the lattice counts.
      const float* from = t.b + ((taps - 1 - tap) * s.outC + c + j) * t.o + g * s.inC;
      packTransposed(strip + place * s.inC * width, width, from, t.o, n, s.inC);
    }
  }
}

// ---- lines of the source, and of results ----

// Images from i on: line (d, h), pixels s0 .. s1, the channels of group g.
NABLA_INLINE void layLine(float* to, const ConvTask& t, const Abreast& s, Range images, idx d, idx h, idx s0, idx s1, idx g) {
  const Lattice& l = s.l;
  const idx image = l.source[0] * l.source[1] * l.source[2] * l.channels, m = images.end - images.begin;
  const float* from = t.a + images.begin * image + ((d * l.source[1] + h) * l.source[2] + s0) * l.channels + g * s.inC;
  if (s.inC == l.channels) return packTransposed(to, m, from, image, m, (s1 - s0) * s.inC);
  for (idx x = s0; x < s1; x++, to += s.inC * m, from += l.channels) packTransposed(to, m, from, image, m, s.inC);
}

// to[i * stride + p] = from[p * m + i] for i < m, p < n.
NABLA_FUNCTION void turnBack(float* to, idx stride, const float* from, idx m, idx n) {
  for (idx i = 0; i < m; i += VN) {
    const idx images = least(VN, m - i);
    const Tail inTail = tailOf(images);
    for (idx p = 0; p < n; p += VN) {
      const idx count = least(VN, n - p);
      VF r[VN];
#pragma GCC unroll 16
      for (int q = 0; q < VN; q++) r[q] = q < count ? ldTail(from + (p + q) * m + i, inTail) : VF{};
      transpose(r);
      const Tail outTail = tailOf(count);
#pragma GCC unroll 16
      for (int q = 0; q < VN; q++)
        if (q < images) stTail(to + (i + q) * stride + p, r[q], outTail);
    }
  }
}

// ---- the loops ----

struct AbreastShare {
  Range units, cols;
};
// Units are lines of strips of groups; columns are cut only where there are few.
NABLA_INLINE AbreastShare abreastShare(const Worker& w, idx units, idx cols) {
  const idx cuts = units >= w.count ? 1 : most(1, least((cols + NR - 1) / NR, w.count / most(1, units)));
  const idx part = w.index / cuts, parts = w.count / cuts;
  if (part >= parts) return AbreastShare{{0, 0}, {0, 0}};
  return AbreastShare{share(units, 1, part, parts), share(cols, VN, w.index % cuts, cuts)};
}

template <bool BACKWARD> NABLA_FUNCTION void abreastPixels(const ConvTask& t, Worker& w) {
  const Abreast s = abreastOf(t, BACKWARD);
  const Lattice& l = s.l;
  const AbreastParts parts = abreastParts(t, s);
  float *lines = (float*)(w.scratch + parts.lines), *packed = (float*)(w.scratch + parts.weights);
  float *panel = (float*)(w.scratch + parts.results), *turned = (float*)(w.scratch + parts.turned);
  Run* runs = (Run*)(w.scratch + parts.runs);
  idx *ends = (idx*)(w.scratch + parts.ends), *held = (idx*)(w.scratch + parts.held);
  Line* list = (Line*)(w.scratch + parts.list);
  const idx slots = s.slots[0] * s.slots[1], lineDepth = s.reach * s.inC, rowDepth = l.kernel[2] * s.inC;
  const idx depth = tapsOf(l.kernel) * s.inC, total = s.outC * t.groups;
  const idx planes = l.pixels[0] * l.pixels[1], image = planes * l.pixels[2], perGroup = s.strips * planes;
  const Places places[3] = {placesOf(l, 0), placesOf(l, 1), placesOf(l, 2)};
  const bool pack = BACKWARD || s.turned || s.outC > DIRECT_COLS;
  const AbreastShare mine = abreastShare(w, t.groups * perGroup, s.outC);

  // One strip of images, chunk of pixels, block of columns: lines p0 .. p1.
  const auto walk = [&](Range images, idx w0, idx w1, idx p0, idx p1, idx g, idx c, idx cols) __attribute__((always_inline)) {
    const idx m = images.end - images.begin, width = w1 - w0;
    const idx lo = w0 * l.scale[2] + l.shift[2], hi = lo + (width - 1) * l.scale[2] + (l.kernel[2] - 1) * l.step[2];
    const idx s0 = lo <= 0 ? 0 : (lo + l.divide[2] - 1) / l.divide[2], s1 = hi < 0 ? 0 : least(l.source[2], hi / l.divide[2] + 1);
    // The runs of each pixel along one line.
    idx n = 0;
    for (idx x = w0; x < w1; x++) {
      idx next = -1, nextPlace = -1;
      for (idx tw = 0; tw < l.kernel[2]; tw++) {
        const idx from = sourceAt(l, 2, x, tw);
        if (from < 0) continue;
        const idx place = placeOf(places[2], tw);
        const idx a = (from - s0) * s.inC, b = place * s.inC;
        if (from == next && place == nextPlace) runs[n - 1].k += s.inC;
        else runs[n++] = s.turned ? Run{b, a, s.inC} : Run{a, b, s.inC};
        next = from + 1, nextPlace = place + 1;
      }
      ends[x - w0] = n;
    }
    for (idx q = 0; q < slots; q++) held[q] = -1;
    for (idx p = p0; p < p1; p += s.band) {
      const idx band = least(s.band, p1 - p);
      float* out = t.out ? t.out + (images.begin * image + p * l.pixels[2] + w0) * total + g * s.outC + c : panel;
      const idx ld = t.out ? total : cols, next = t.out ? image * total : band * width * cols;
      for (idx y = p; y < p + band; y++) {
        const idx pd = y / l.pixels[1], ph = y % l.pixels[1];
        // The lines that meet this one.
        idx count = 0;
        for (idx td = 0; td < l.kernel[0] && s0 < s1; td++) {
          const idx d = sourceAt(l, 0, pd, td);
          if (d < 0) continue;
          for (idx th = 0; th < l.kernel[1]; th++) {
            const idx h = sourceAt(l, 1, ph, th);
            if (h < 0) continue;
            const idx slot = d % s.slots[0] * s.slots[1] + h % s.slots[1], id = d * l.source[1] + h;
            if (held[slot] != id) layLine(lines + slot * lineDepth * m, t, s, images, d, h, s0, s1, g);
            held[slot] = id;
            const idx a = slot * lineDepth, b = (placeOf(places[0], td) * l.kernel[1] + placeOf(places[1], th)) * rowDepth;
            list[count++] = s.turned ? Line{b, a} : Line{a, b};
          }
        }
        float* line = out + (y - p) * width * ld;
        const idx passes = most(1, (count * rowDepth + RUN_DEPTH - 1) / RUN_DEPTH);
        RunTile tile;
        if (!s.turned) {
          tile.stepA = tile.lda = m;
          tile.a = lines;
          tile.ldc = next;
          for (idx j = 0; j < cols; j += NR) {
            const idx cn = least(NR, cols - j);
            tile.b = pack ? packed + j * depth : t.b + g * s.outC + c + j;
            tile.ldb = pack ? wholeVectors(cn) : t.o;
            tile.tail = tailOf((cn - 1) % VN + 1);
            const RunTileFn fn = pickRunTile(m, cn);
            for (idx pass = 0; pass < passes; pass++) {
              const idx l0 = count * pass / passes, l1 = count * (pass + 1) / passes;
              tile.first = pass == 0;
              tile.lines = list + l0;
              tile.lineCount = l1 - l0;
              for (idx x = 0, from = 0; x < width; x++) {
                tile.runs = runs + from;
                tile.runCount = ends[x] - from;
                from = ends[x];
                tile.c = line + x * ld + j;
                fn(tile);
              }
            }
          }
        } else {
          const idx strips = (cols + MR - 1) / MR;
          tile.ldb = m;
          tile.b = lines;
          tile.ldc = m;
          tile.first = true;
          tile.lines = list;
          tile.lineCount = count;
          tile.tail = tailOf((m - 1) % VN + 1);
          for (idx i = 0; i < strips; i++) {
            const idx j = cutRows(cols, i, strips), rn = cutRows(cols, i + 1, strips) - j;
            tile.stepA = tile.lda = rn;
            tile.a = packed + j * depth;
            const RunTileFn fn = pickRunTile(rn, m);
            for (idx x = 0, from = 0; x < width; x++) {
              tile.runs = runs + from;
              tile.runCount = ends[x] - from;
              from = ends[x];
              tile.c = turned + (x * cols + j) * m;
              fn(tile);
            }
          }
          if (ld == cols) turnBack(line, next, turned, m, width * cols);
          else
            for (idx x = 0; x < width; x++) turnBack(line + x * ld, next, turned + x * cols * m, m, cols);
        }
      }
      if (t.epilogue.apply)
        for (idx q = 0; q < m; q++)
          t.epilogue.apply(t.epilogue.ctx, out + q * next, ld, 0, (images.begin + q) * image + p * l.pixels[2] + w0, band * width, g * s.outC + c, cols, w);
    }
  };

  for (idx u = mine.units.begin; u < mine.units.end;) {
    const idx g = u / perGroup, stop = least(mine.units.end, (g + 1) * perGroup);
    for (idx c = mine.cols.begin; c < mine.cols.end; c += PART) {
      const idx cols = least(PART, mine.cols.end - c);
      if (pack) packWeights(packed, t, s, BACKWARD, g, c, cols);
      for (idx v = u; v < stop;) {
        const idx strip = v / planes % s.strips, p0 = v % planes, p1 = least(planes, p0 + stop - v);
        for (idx w0 = 0; w0 < l.pixels[2]; w0 += s.chunk) walk(stripOf(s, t.n, strip), w0, least(l.pixels[2], w0 + s.chunk), p0, p1, g, c, cols);
        v += p1 - p0;
      }
    }
    u = stop;
  }
}

}  // namespace KNS
