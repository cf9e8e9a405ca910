#include "memory.h"

#include <string.h>
#include <sys/mman.h>

namespace nabla {

namespace {

constexpr size_t HUGE_PAGE = 2u << 20;
constexpr size_t PAGE = 16384;  // the largest in use
constexpr size_t LARGE = 1u << 20;          // blocks from here on are mapped on their own
constexpr size_t SLAB = 8u << 20;
constexpr size_t CACHE_LIMIT = 512u << 20;  // freed large blocks kept for the next

size_t roundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

// Four classes to each power of two, so that at most a fifth of a block is idle.
size_t roomFor(size_t bytes) {
  if (bytes <= 256) return roundUp(bytes ? bytes : 1, 64);
  size_t power = 256;
  while (power * 2 < bytes) power *= 2;
  return roundUp(bytes, power / 4);
}

}  // namespace

char* mapPages(size_t bytes) {
  // Map too much, then give back what lies outside the aligned part.
  const size_t want = bytes + HUGE_PAGE;
  if (want < bytes) return nullptr;
  void* raw = mmap(nullptr, want, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  char* base = (char*)roundUp((size_t)raw, HUGE_PAGE);
  if (base > (char*)raw) munmap(raw, base - (char*)raw);
  char *end = (char*)raw + want, *keep = base + roundUp(bytes, PAGE);
  if (end > keep) munmap(keep, end - keep);
#ifdef MADV_HUGEPAGE
  if (bytes >= HUGE_PAGE) madvise(base, roundUp(bytes, PAGE), MADV_HUGEPAGE);
#endif
  return base;
}

void unmapPages(char* base, size_t bytes) { munmap(base, roundUp(bytes, PAGE)); }

Memory::~Memory() {
  for (const Block& block : blocks_) {
    if (!block.data) continue;
    if (block.over) block.over(block.owner);
    else if (block.mapping) unmapPages(block.mapping, block.mapped);
  }
  for (const Class& c : classes_)
    for (const Free& f : c.free)
      if (f.mapping) unmapPages(f.mapping, f.mapped);
  for (const Slab& slab : slabs_) unmapPages(slab.base, slab.bytes);
}

Memory::Class& Memory::classOf(size_t room) {
  for (Class& c : classes_)
    if (c.room == room) return c;
  classes_.push_back(Class{room, {}});
  return classes_.back();
}

// Fresh zeroed memory for a block.
bool Memory::carve(size_t room, Block& block) {
  if (room >= LARGE) {
    // Blocks that all began at a 2 MB boundary would compete for the same cache sets.
    const size_t shift = (staggered_++ % 16) * 64 * 17;
    block.mapped = room + shift;
    block.mapping = mapPages(block.mapped);
    block.data = block.mapping ? block.mapping + shift : nullptr;
    return block.data != nullptr;
  }
  block.mapping = nullptr;
  block.mapped = 0;
  for (Slab& slab : slabs_) {
    if (slab.bytes - slab.used < room) continue;
    block.data = slab.base + slab.used;
    slab.used += room;
    return true;
  }
  char* base = mapPages(SLAB);
  if (!base) return false;
  slabs_.push_back(Slab{base, SLAB, room});
  block.data = base;
  return true;
}

int32_t Memory::alloc(size_t bytes) {
  if (bytes > limit || live_ > limit - bytes) return -1;
  const size_t room = roomFor(bytes);
  Block block = Block();
  block.bytes = bytes;
  block.room = room;
  Class& c = classOf(room);
  if (!c.free.empty()) {
    const Free f = c.free.back();
    c.free.pop_back();
    block.data = f.data;
    block.mapping = f.mapping;
    block.mapped = f.mapped;
    if (f.mapping) cached_ -= room;
    memset(block.data, 0, roundUp(bytes, 64));
  } else if (!carve(room, block)) {
    return -1;
  }
  live_ += bytes;
  if (live_ > peak_) peak_ = live_;
  return add(block);
}

int32_t Memory::lend(char* data, size_t bytes, void (*over)(void* owner), void* owner) {
  if (!data || (uintptr_t)data % 4 != 0) return -1;
  Block block = Block();
  block.data = data;
  block.bytes = bytes;
  block.over = over;
  block.owner = owner;
  return add(block);
}

int32_t Memory::add(const Block& block) {
  int32_t id;
  if (unusedIds_.empty()) {
    id = (int32_t)blocks_.size();
    blocks_.push_back(block);
  } else {
    id = unusedIds_.back();
    unusedIds_.pop_back();
    blocks_[id] = block;
  }
  return id;
}

bool Memory::free(int32_t id) {
  if (!valid(id)) return false;
  const Block block = blocks_[id];
  blocks_[id].data = nullptr;
  unusedIds_.push_back(id);
  if (block.over) {
    block.over(block.owner);
    return true;
  }
  live_ -= block.bytes;
  if (block.mapping && cached_ + block.room > CACHE_LIMIT) {
    unmapPages(block.mapping, block.mapped);
    return true;
  }
  if (block.mapping) cached_ += block.room;
  classOf(block.room).free.push_back(Free{block.data, block.mapping, block.mapped});
  return true;
}

}  // namespace nabla
