// Which source pixel each kernel tap of each result pixel touches, and copying those pixels into matrix rows ("implicit im2col", a block
// at a time). One description serves the forward pass and both gradients.
#pragma once
#include "tile.h"

namespace KNS {

using nabla::ConvTask;

// Result pixel p and tap t meet source pixel (p * scale + t * step + shift) / divide, where that is whole and inside.
struct Lattice {
  idx images, channels;      // of the source
  idx pixels[3], source[3], kernel[3], scale[3], step[3], shift[3], divide[3];
};

// y from x (also x's patches under the filter gradient).
NABLA_INLINE Lattice forwardLattice(const ConvTask& t) {
  Lattice l;
  l.images = t.n;
  l.channels = t.c;
  for (int d = 0; d < 3; d++) {
    l.pixels[d] = t.size[d], l.source[d] = t.in[d], l.kernel[d] = t.kernel[d];
    l.scale[d] = t.stride[d], l.step[d] = t.dilation[d], l.shift[d] = -t.padLo[d], l.divide[d] = 1;
  }
  return l;
}
// x from y, its taps counted backwards, so that they too run along the source.
NABLA_INLINE Lattice backwardLattice(const ConvTask& t) {
  Lattice l;
  l.images = t.n;
  l.channels = t.o;
  for (int d = 0; d < 3; d++) {
    l.pixels[d] = t.in[d], l.source[d] = t.size[d], l.kernel[d] = t.kernel[d];
    l.scale[d] = 1, l.step[d] = t.dilation[d], l.shift[d] = t.padLo[d] - (t.kernel[d] - 1) * t.dilation[d], l.divide[d] = t.stride[d];
  }
  return l;
}

NABLA_INLINE idx pixelRows(const Lattice& l) { return l.images * l.pixels[0] * l.pixels[1] * l.pixels[2]; }
NABLA_INLINE idx tapsOf(const idx (&kernel)[3]) { return kernel[0] * kernel[1] * kernel[2]; }

struct Pixel {
  idx image, at[3];
};
NABLA_INLINE Pixel pixelOf(const Lattice& l, idx row) {
  Pixel p;
  for (int d = 2; d >= 0; d--) p.at[d] = row % l.pixels[d], row /= l.pixels[d];
  p.image = row;
  return p;
}
NABLA_INLINE void nextPixel(const Lattice& l, Pixel& p) {
  for (int d = 2; d >= 0; d--) {
    if (++p.at[d] < l.pixels[d]) return;
    p.at[d] = 0;
  }
  p.image++;
}

// The source coordinate on axis d, or -1.
NABLA_INLINE idx sourceAt(const Lattice& l, int d, idx p, idx tap) {
  idx s = p * l.scale[d] + tap * l.step[d] + l.shift[d];
  if (s < 0) return -1;
  if (l.divide[d] != 1) {
    if (s % l.divide[d] != 0) return -1;
    s /= l.divide[d];
  }
  return s < l.source[d] ? s : -1;
}

// One row of patches: taps t0 .. t1 of pixel p, channels c0 .. c1 of each.
NABLA_INLINE void patchRow(float* to, const Lattice& l, const float* source, const Pixel& p, idx t0, idx t1, idx c0, idx c1) {
  const idx run = c1 - c0, kw = l.kernel[2], kh = l.kernel[1];
  const bool together = run == l.channels && l.step[2] == 1 && l.divide[2] == 1;  // taps along w adjoin in the source
  for (idx t = t0; t < t1;) {
    const idx tw = t % kw, th = t / kw % kh, td = t / kw / kh;
    const idx end = least(t1, t - tw + kw);  // of this row of taps
    const idx d = sourceAt(l, 0, p.at[0], td), h = sourceAt(l, 1, p.at[1], th);
    if (d < 0 || h < 0) {
      zeroFloats(to, (end - t) * run);
      to += (end - t) * run;
      t = end;
      continue;
    }
    const float* line = source + ((p.image * l.source[0] + d) * l.source[1] + h) * l.source[2] * l.channels;
    if (together) {
      const idx first = p.at[2] * l.scale[2] + tw + l.shift[2], count = end - t;
      const idx before = least(count, most(0, -first)), after = least(count - before, most(0, first + count - l.source[2]));
      const idx inside = count - before - after;
      zeroFloats(to, before * run);
      if (inside > 0) copyFloats(to + before * run, line + (first + before) * run, inside * run);
      zeroFloats(to + (before + inside) * run, after * run);
      to += count * run;
      t = end;
      continue;
    }
    for (; t < end; t++) {
      const idx w = sourceAt(l, 2, p.at[2], t % kw);
      if (w < 0) zeroFloats(to, run);
      else copyFloats(to, line + w * l.channels + c0, run);
      to += run;
    }
  }
}

// Rows r .. r+rows of the patch matrix, each `width` floats.
NABLA_FUNCTION void patchRows(float* to, idx width, const Lattice& l, const float* source, idx r, idx rows, idx t0, idx t1, idx c0, idx c1) {
  if (rows == 0) return;
  Pixel p = pixelOf(l, r);
  for (idx i = 0; i < rows; i++) {
    patchRow(to + i * width, l, source, p, t0, t1, c0, c1);
    nextPixel(l, p);
  }
}

}  // namespace KNS
