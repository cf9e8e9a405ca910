// The tile interpreter of one instruction set; compiled as kern.cpp is: static, without libc or std::, in the namespace KNS.
#include "rows.h"

namespace KNS {
static const nabla::TileTable interpreter = {runFused, runEpilogue, registerBytes, nullptr, nullptr};
static const nabla::TileTable tiles = {runFused, runEpilogue, registerBytes, KNS_CATALOGUE(KNS), &interpreter};
}

extern "C" const nabla::TileTable* KNS_TILES(KNS)(void) { return &KNS::tiles; }
