// The register tile of convolutions: that of tile.h, but k jumps. It goes along runs of both operands, again for each of several lines.
#pragma once
#include "tile.h"

namespace KNS {

// Where a line begins in both operands: in steps of A, in rows of B.
struct Line {
  idx a, b;
};
// k products from there on.
struct Run {
  idx a, b, k;
};

struct RunTile {
  const Line* lines;
  idx lineCount;
  const Run* runs;
  idx runCount;
  const float* a;     // rows adjoin
  idx stepA, lda;     // floats of a step, and from one k to the next
  const float* b;     // columns adjoin
  idx ldb;
  float* c;
  idx ldc;
  bool first;         // start from zero instead of C
  Tail tail;          // EDGE: valid lanes of the last vector
};

template <int M, int N, bool EDGE> NABLA_FUNCTION __attribute__((noinline)) void runTile(const RunTile& t) {
  VF acc[M][N];
  float* c = t.c;
  const idx ldc = t.ldc, lda = t.lda, ldb = t.ldb;
  const Tail tail = t.tail;
  if (t.first) {
#pragma GCC unroll 16
    for (int i = 0; i < M; i++)
#pragma GCC unroll 8
      for (int j = 0; j < N; j++) acc[i][j] = VF{};
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < M; i++)
#pragma GCC unroll 8
      for (int j = 0; j < N; j++) {
        const float* from = c + i * ldc + j * VN;
        acc[i][j] = EDGE && j == N - 1 ? ldTail(from, tail) : ld(from);
      }
  }
  const Run *runs = t.runs, *runsEnd = runs + t.runCount;
  for (const Line *line = t.lines, *end = line + t.lineCount; line < end; line++)
    for (const Run* run = runs; run < runsEnd; run++) {
      const float *a = t.a + (line->a + run->a) * t.stepA, *b = t.b + (line->b + run->b) * ldb;
      for (idx k = run->k; k > 0; k--) {
        VF bv[N];
#pragma GCC unroll 8
        for (int j = 0; j < N; j++) bv[j] = EDGE && j == N - 1 ? ldTail(b + j * VN, tail) : ld(b + j * VN);
#pragma GCC unroll 16
        for (int i = 0; i < M; i++) {
          VF av = splat(a[i]);
#pragma GCC unroll 8
          for (int j = 0; j < N; j++) acc[i][j] = vfma(av, bv[j], acc[i][j]);
        }
        a += lda;
        b += ldb;
      }
    }
#pragma GCC unroll 16
  for (int i = 0; i < M; i++)
#pragma GCC unroll 8
    for (int j = 0; j < N; j++) {
      float* to = c + i * ldc + j * VN;
      if (EDGE && j == N - 1) stTail(to, acc[i][j], tail);
      else st(to, acc[i][j]);
    }
}

typedef void (*RunTileFn)(const RunTile&);

template <int N, bool EDGE> NABLA_INLINE RunTileFn runTileOf(idx rows) {
#define NABLA_TILE(M) M > MR ? nullptr : runTile<M <= MR ? M : 1, N, EDGE>
  static constexpr RunTileFn of[] = {NABLA_TILE(1),  NABLA_TILE(2),  NABLA_TILE(3),  NABLA_TILE(4), NABLA_TILE(5),
                                     NABLA_TILE(6),  NABLA_TILE(7),  NABLA_TILE(8),  NABLA_TILE(9), NABLA_TILE(10),
                                     NABLA_TILE(11), NABLA_TILE(12), NABLA_TILE(13), NABLA_TILE(14)};
#undef NABLA_TILE
  return of[rows - 1];
}

// The tile for a strip of `cols` <= NR columns.
NABLA_INLINE RunTileFn pickRunTile(idx rows, idx cols) {
  if (cols == NR) return runTileOf<NV, false>(rows);
  if (cols <= VN) return runTileOf<1, true>(rows);
#if defined(__aarch64__)
  if (cols <= 2 * VN) return runTileOf<2, true>(rows);
#endif
  return runTileOf<NV, true>(rows);
}

}  // namespace KNS
