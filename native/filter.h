// The filter's gradient: w[tap, c, o] = sum over pixels of x[where the tap meets the pixel, c] * y[pixel, o]. A tile computes channels
// x columns of one tap from x in place, along the pixels of each line whose tap lies inside. Few channels go through stacked.h, short lines
// through patches.
#pragma once
#include "abreast.h"

namespace KNS {

constexpr idx FILTER_CHANNELS = 8;      // fewer are stacked, or go through patches
constexpr idx FILTER_LINE = 3;          // and so do lines of fewer pixels
constexpr idx FILTER_PIXELS = 1 << 8;   // summed in one pass over the results, roughly

NABLA_INLINE bool filterInPlace(const ConvTask& t) { return t.c / t.groups >= FILTER_CHANNELS && t.size[2] >= FILTER_LINE; }

// Pixels summed at once: lines of a chunk of pixels.
struct FilterBlock {
  idx lines, chunk;
};
NABLA_INLINE FilterBlock filterBlock(const ConvTask& t) {
  const idx chunks = most(1, t.size[2] / FILTER_PIXELS), chunk = (t.size[2] + chunks - 1) / chunks;
  return FilterBlock{chunks > 1 ? 1 : most(1, least(FILTER_PIXELS / chunk, t.n * t.size[0] * t.size[1])), chunk};
}

struct FilterParts {
  idx packed, results, lists, counts, total;
};
NABLA_INLINE FilterParts filterParts(const ConvTask& t) {
  const FilterBlock block = filterBlock(t);
  const idx planes = t.kernel[0] * t.kernel[1];
  FilterParts p;
  p.packed = 0;
  p.results = p.packed + roundUp(block.lines * block.chunk * NR * (idx)sizeof(float), 64);
  p.lists = p.results + (t.out ? 0 : roundUp(planes * t.kernel[2] * (t.c / t.groups) * (t.o / t.groups) * (idx)sizeof(float), 64));
  p.counts = p.lists + planes * block.lines * (idx)sizeof(Line);
  p.total = p.counts + planes * (idx)sizeof(idx);
  return p;
}

NABLA_FUNCTION void filterLines(const ConvTask& t, Worker& w) {
  const Lattice l = forwardLattice(t);
  const idx inC = t.c / t.groups, outC = t.o / t.groups, planes = l.kernel[0] * l.kernel[1], taps = planes * l.kernel[2];
  const FilterBlock block = filterBlock(t);
  const FilterParts parts = filterParts(t);
  float *packed = (float*)(w.scratch + parts.packed), *results = (float*)(w.scratch + parts.results);
  Line* lists = (Line*)(w.scratch + parts.lists);
  idx* counts = (idx*)(w.scratch + parts.counts);
  const idx strips = (inC + MR - 1) / MR, perGroup = taps * strips;
  const AbreastShare mine = abreastShare(w, t.groups * perGroup, outC);
  const idx linesOut = l.images * l.pixels[0] * l.pixels[1], line = l.pixels[2];
  for (idx u = mine.units.begin; u < mine.units.end;) {
    const idx g = u / perGroup, u0 = u - g * perGroup, u1 = least(mine.units.end - g * perGroup, perGroup);
    float* out = t.out ? t.out + g * outC : results;
    const idx ld = t.out ? t.o : outC;
    bool first = true;
    // Also where there is no pixel: then the sums are 0.
    for (idx p = 0; p == 0 || p < linesOut; p += block.lines)
      for (idx w0 = 0; w0 == 0 || w0 < line; w0 += block.chunk) {
        const idx rows = least(block.lines, linesOut - p), width = least(block.chunk, line - w0);
        for (idx plane = 0; plane < planes; plane++) {
          idx n = 0;
          for (idx r = 0; r < rows; r++) {
            const idx h = sourceAt(l, 1, (p + r) % l.pixels[1], plane % l.kernel[1]);
            const idx d = sourceAt(l, 0, (p + r) / l.pixels[1] % l.pixels[0], plane / l.kernel[1]), image = (p + r) / l.pixels[1] / l.pixels[0];
            if (d < 0 || h < 0) continue;
            lists[plane * block.lines + n++] = Line{((image * l.source[0] + d) * l.source[1] + h) * l.source[2], r * width};
          }
          counts[plane] = n;
        }
        for (idx j = mine.cols.begin; j < mine.cols.end; j += NR) {
          const idx cols = least(NR, mine.cols.end - j);
          const float* y = t.b + (p * line + w0) * t.o + g * outC + j;
          RunTile tile;
          const bool pack = t.o > DIRECT_COLS;
          if (pack) packRows(packed, wholeVectors(cols), y, t.o, cols, rows * width);
          tile.b = pack ? packed : y;
          tile.ldb = pack ? wholeVectors(cols) : t.o;
          tile.stepA = l.channels;
          tile.lda = l.channels * l.scale[2];
          tile.ldc = ld;
          tile.first = first;
          tile.tail = tailOf((cols - 1) % VN + 1);
          tile.runCount = 1;
          for (idx v = u0; v < u1; v++) {
            const idx tap = v / strips, plane = tap / l.kernel[2], c0 = cutRows(inC, v % strips, strips), c1 = cutRows(inC, v % strips + 1, strips);
            // The result pixels x for which 0 <= x * scale + at < source.
            const idx at = tap % l.kernel[2] * l.step[2] + l.shift[2], scale = l.scale[2];
            const idx x0 = most(w0, at >= 0 ? 0 : (scale - 1 - at) / scale);
            const idx x1 = least(w0 + width, l.source[2] - at <= 0 ? 0 : (l.source[2] - at + scale - 1) / scale);
            const Run run = {x0 * scale + at, x0 - w0, x1 - x0};
            tile.runs = &run;
            tile.lines = lists + plane * block.lines;
            tile.lineCount = x1 > x0 ? counts[plane] : 0;
            if (tile.lineCount == 0 && !first) continue;
            tile.a = t.a + g * inC + c0;
            tile.c = out + (tap * inC + c0) * ld + j;
            pickRunTile(c1 - c0, cols)(tile);
          }
        }
        first = false;
      }
    if (t.epilogue.apply) {
      const idx begin = u0 / strips * inC + cutRows(inC, u0 % strips, strips), end = u1 / strips * inC + (u1 % strips ? cutRows(inC, u1 % strips, strips) : 0);
      const idx c = mine.cols.begin, cols = mine.cols.end - c;
      if (cols > 0) t.epilogue.apply(t.epilogue.ctx, out + begin * ld + c, ld, 0, begin, end - begin, g * outC + c, cols, w);
    }
    u += u1 - u0;
  }
}

}  // namespace KNS
