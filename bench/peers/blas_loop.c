/** Calls a BLAS `times` times: row-major result = A B, read by the Fortran entries as columns: result' = B' A'. */
#include <stdint.h>

typedef void (*Gemm)(const char*, const char*, const int64_t*, const int64_t*, const int64_t*, const float*,
                     const float*, const int64_t*, const float*, const int64_t*, const float*, float*, const int64_t*);
typedef void (*Gemv)(const char*, const int64_t*, const int64_t*, const float*, const float*, const int64_t*,
                     const float*, const int64_t*, const float*, float*, const int64_t*);

void blas_loop(Gemm gemm, Gemv gemv, int64_t m, int64_t n, int64_t k, int transposeA, int transposeB, const float* a,
               const float* b, float* result, int64_t times) {
  const float one = 1, zero = 0;
  const int64_t step = 1, lda = transposeA ? m : k, ldb = transposeB ? k : n;
  const char *ta = transposeA ? "T" : "N", *tb = transposeB ? "T" : "N";
  for (int64_t i = 0; i < times; i++) {
    if (m == 1)
      gemv(tb, transposeB ? &k : &n, transposeB ? &n : &k, &one, b, &ldb, a, &step, &zero, result, &step);
    else
      gemm(tb, ta, &n, &m, &k, &one, b, &ldb, a, &lda, &zero, result, &n);
  }
}
