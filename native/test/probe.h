// Loops over arrays around the vector functions of one instruction set, for the tests: n is a multiple of 16.
#pragma once
#include "../kernels.h"

struct Probe {
  void (*unary[8])(const float*, float*, nabla::idx);  // exp log sin tanh erf floor sqrt sigmoid
  void (*pow)(const float*, const float*, float*, nabla::idx);
  void (*maximum)(const float*, const float*, float*, nabla::idx);
  void (*minimum)(const float*, const float*, float*, nabla::idx);
  void (*divide)(const int32_t*, const int32_t*, int32_t*, nabla::idx);
  void (*divideU)(const uint32_t*, const uint32_t*, uint32_t*, nabla::idx);
  void (*toI32)(const float*, int32_t*, nabla::idx);
  void (*toU32)(const float*, uint32_t*, nabla::idx);
  void (*fromI32)(const int32_t*, float*, nabla::idx);
  void (*fromU32)(const uint32_t*, float*, nabla::idx);
  void (*toF16)(const float*, uint16_t*, nabla::idx);
  void (*fromF16)(const uint16_t*, float*, nabla::idx);
  void (*toBF16)(const float*, uint16_t*, nabla::idx);
  void (*fromBF16)(const uint16_t*, float*, nabla::idx);
  float (*sum16)(const float*);
  // Reductions by opcode: rows back to back; one long row in tiles; `n` columns, `length` deep, a row of them at a time or all at once.
  void (*foldRows)(int32_t op, const uint32_t* s, nabla::idx rows, nabla::idx length, uint32_t* d);
  void (*foldLong)(int32_t op, const uint32_t* s, nabla::idx length, uint32_t* d);
  void (*foldColumns)(int32_t op, const uint32_t* s, nabla::idx n, nabla::idx length, uint32_t* d);
  void (*foldStack)(int32_t op, const uint32_t* s, nabla::idx n, nabla::idx length, uint32_t* d);
  // Philox words first, first + 1, ... under a key.
  void (*random)(uint32_t first, nabla::idx n, uint32_t key0, uint32_t key1, uint32_t* out);
};

#define PROBE_NAME(ns) KNS_PASTE_(ns, _probe)
extern "C" {
const Probe* kern_base_probe(void);
const Probe* kern_v3_probe(void);
const Probe* kern_v4_probe(void);
const Probe* kern_neon_probe(void);
}
