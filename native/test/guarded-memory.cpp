// Device memory for the tests in place of memory.cpp: every block, arena and scratch is an allocation of its own, so that the address
// sanitizer sees the first byte beyond it (blocks are padded to 64 bytes, as the contract says).
#include "../memory.h"

#include <stdlib.h>
#include <string.h>

namespace nabla {

char* mapPages(size_t bytes) {
  if (bytes > (size_t)1 << 28) return nullptr;  // what a malformed program may ask for
  void* p = nullptr;
  const size_t room = (bytes + 63) / 64 * 64;
  if (posix_memalign(&p, 64, room ? room : 64) != 0) return nullptr;
  memset(p, 0, room);
  return (char*)p;
}
void unmapPages(char* base, size_t) { ::free(base); }

Memory::~Memory() {
  for (const Block& b : blocks_)
    if (b.data) ::free(b.data);
}
int32_t Memory::alloc(size_t bytes) {
  Block b{};
  b.data = mapPages(bytes);
  if (!b.data) return -1;
  b.bytes = bytes;
  blocks_.push_back(b);
  return (int32_t)blocks_.size() - 1;
}
bool Memory::free(int32_t id) {
  if (!valid(id)) return false;
  ::free(blocks_[(size_t)id].data);
  blocks_[(size_t)id].data = nullptr;
  return true;
}

}  // namespace nabla
