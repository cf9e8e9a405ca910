// The native kernels of one instruction set: compiled once per set with KNS (a namespace), VB (vector bytes) and the matching -march.
// Everything inside is static in that namespace and free of libc and std::, so that no linker can share code between sets.
#include "attention.h"
#include "conv.h"
#include "index.h"
#include "sort.h"
#include "window.h"

namespace KNS {

static const nabla::KernelTable table = {
#if defined(__wasm__)
    "wasm",
#elif defined(__aarch64__)
    "neon",
#elif VB == 64
    "avx512",
#elif VB == 32
    "avx2",
#else
    "sse2",
#endif
    VB,     NABLA_FUSED,  gemm,      packWhole, conv,     convInputGrad, convFilterGrad, reduceWindow, argWindow,
    cumulate, gather, scatter, argsort, attention, attentionBackward, gemmScratch, packedFloats, convScratch, sortScratch, attentionScratch,
    gemmPath, convPath};

}  // namespace KNS

extern "C" const nabla::KernelTable* KNS_TABLE(KNS)(void) { return &KNS::table; }
