// The tile interpreter of one instruction set; compiled as kern.cpp is: static, without libc or std::, in the namespace KNS.
#include "rows.h"

namespace KNS {
static const nabla::TileTable interpreter = {runFused, runEpilogue, registerBytes, nullptr, nullptr};
#ifdef NABLA_WITHOUT_CATALOGUE
static const nabla::Kernel* const printed = nullptr;
#else
static const nabla::Kernel* const printed = KNS_CATALOGUE(KNS);
#endif
static const nabla::TileTable tiles = {runFused, runEpilogue, registerBytes, printed, &interpreter};
}

extern "C" const nabla::TileTable* KNS_TILES(KNS)(void) { return &KNS::tiles; }
