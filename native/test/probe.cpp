// Exposes the vector functions of one instruction set to the tests; compiled with the same flags as kern.cpp.
#include "probe.h"

#include "../philox.h"
#include "../reduce.h"
#include "../vmath.h"

namespace KNS {

template <VF (*F)(VF)> static void unary(const float* x, float* y, idx n) {
  for (idx i = 0; i < n; i += VN) st(y + i, F(ld(x + i)));
}
template <VF (*F)(VF, VF)> static void binary(const float* a, const float* b, float* y, idx n) {
  for (idx i = 0; i < n; i += VN) st(y + i, F(ld(a + i), ld(b + i)));
}
static VF maximum(VF a, VF b) { return vmax(a, b); }
static VF minimum(VF a, VF b) { return vmin(a, b); }
static void divide(const int32_t* a, const int32_t* b, int32_t* y, idx n) {
  for (idx i = 0; i < n; i += VN) st(y + i, vidiv(ld(a + i), ld(b + i)));
}
static void divideU(const uint32_t* a, const uint32_t* b, uint32_t* y, idx n) {
  for (idx i = 0; i < n; i += VN) st(y + i, vidiv(ld(a + i), ld(b + i)));
}
static void toI32(const float* x, int32_t* y, idx n) {
  for (idx i = 0; i < n; i += VN) st(y + i, vtoi(ld(x + i)));
}
static void toU32(const float* x, uint32_t* y, idx n) {
  for (idx i = 0; i < n; i += VN) st(y + i, vtou(ld(x + i)));
}
static void fromI32(const int32_t* x, float* y, idx n) {
  for (idx i = 0; i < n; i += VN) st(y + i, vtof(ld(x + i)));
}
static void fromU32(const uint32_t* x, float* y, idx n) {
  for (idx i = 0; i < n; i += VN) st(y + i, vtof(ld(x + i)));
}
static void toF16(const float* x, uint16_t* y, idx n) {
  for (idx i = 0; i < n; i += VN) stU16(y + i, vtoF16(ld(x + i)));
}
static void fromF16(const uint16_t* x, float* y, idx n) {
  for (idx i = 0; i < n; i += VN) st(y + i, vfromF16(ldU16(x + i)));
}
static void toBF16(const float* x, uint16_t* y, idx n) {
  for (idx i = 0; i < n; i += VN) stU16(y + i, vtoBF16(ld(x + i)));
}
static void fromBF16(const uint16_t* x, float* y, idx n) {
  for (idx i = 0; i < n; i += VN) st(y + i, vfromBF16(ldU16(x + i)));
}
static float sum16(const float* x) {
  VF lanes[VPL];
  for (int i = 0; i < VPL; i++) lanes[i] = ld(x + i * VN);
  return hsum(lanes);
}

static void foldRows(int32_t op, const uint32_t* s, idx rows, idx length, uint32_t* d) { folderFor(op).rows(s, rows, length, d); }
static void give(const Folder& f, const uint32_t* value, const int32_t* place, idx n, uint32_t* d) {
  for (idx i = 0; i < n; i++) d[i] = !f.places ? value[i] : place[i] == NOWHERE ? 0 : (uint32_t)place[i];
}
static void foldLong(int32_t op, const uint32_t* s, idx length, uint32_t* d) {
  const Folder& f = folderFor(op);
  uint32_t value[LANES];
  int32_t place[LANES];
  f.begin(value, place, LANES);
  for (idx p = 0; p < length; p += TILE) f.rowTile(value, place, s + p, least(TILE, length - p), p);
  f.closeRow(value, place);
  give(f, value, place, 1, d);
}
// n <= TILE columns; their memory is padded to whole vectors.
static void foldColumns(int32_t op, const uint32_t* s, idx n, idx length, uint32_t* d) {
  const Folder& f = folderFor(op);
  uint32_t value[TILE];
  int32_t place[TILE];
  const idx lanes = (n + LANES - 1) / LANES * LANES;
  f.begin(value, place, lanes);
  for (idx j = 0; j < length; j++) f.columnTile(value, place, s + j * lanes, n, j);
  give(f, value, place, n, d);
}
static void foldStack(int32_t op, const uint32_t* s, idx n, idx length, uint32_t* d) {
  const Folder& f = folderFor(op);
  uint32_t value[TILE];
  int32_t place[TILE];
  f.begin(value, place, (n + LANES - 1) / LANES * LANES);
  f.stackTile(value, place, s, n, length, 0);
  give(f, value, place, n, d);
}

static const Probe probe = {
    {unary<vexp>, unary<vlog>, unary<vsin>, unary<vtanh>, unary<verf>, unary<vfloor>, unary<vsqrt>, unary<vsigmoid>},
    binary<vpow>, binary<maximum>, binary<minimum>, divide, divideU, toI32, toU32, fromI32, fromU32,
    toF16, fromF16, toBF16, fromBF16, sum16, foldRows, foldLong, foldColumns, foldStack, philoxRun};

}  // namespace KNS

extern "C" const Probe* PROBE_NAME(KNS)(void) { return &KNS::probe; }
