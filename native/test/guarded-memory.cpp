// Device memory for the tests in place of memory.cpp: every block, arena and scratch is an allocation of its own, so that the address
// sanitizer sees the first byte beyond it.
#include "../memory.h"

#include <stdlib.h>
#include <string.h>

namespace nabla {

char* mapPages(size_t bytes) {
  if (bytes > (size_t)1 << 28) return nullptr;  // what a malformed program may ask for
  void* p = nullptr;
  const size_t room = bytes;
  if (posix_memalign(&p, 64, room ? room : 1) != 0) return nullptr;
  memset(p, 0, room);
  return (char*)p;
}
void unmapPages(char* base, size_t) { ::free(base); }

Memory::~Memory() {
  for (size_t id = 0; id < blocks_.size(); id++) free((int32_t)id);
}
int32_t Memory::alloc(size_t bytes) {
  Block b{};
  b.data = mapPages(bytes);
  if (!b.data) return -1;
  b.bytes = bytes;
  return add(b);
}
int32_t Memory::lend(char* data, size_t bytes, void (*over)(void*), void* owner) {
  if (!data || (uintptr_t)data % 4 != 0) return -1;
  Block b{};
  b.data = data;
  b.bytes = bytes;
  b.over = over;
  b.owner = owner;
  return add(b);
}
int32_t Memory::add(const Block& b) {
  blocks_.push_back(b);
  return (int32_t)blocks_.size() - 1;
}
bool Memory::free(int32_t id) {
  if (!valid(id)) return false;
  Block& b = blocks_[(size_t)id];
  if (b.over) b.over(b.owner);
  else ::free(b.data);
  b.data = nullptr;
  return true;
}

}  // namespace nabla
