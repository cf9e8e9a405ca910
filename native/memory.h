// Device memory: 64-byte aligned blocks from size classes over huge-page mappings.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <vector>

namespace nabla {

// A mapping aligned to 2 MB that asks for huge pages, zeroed; null when the system has no room.
char* mapPages(size_t bytes);
void unmapPages(char* base, size_t bytes);

class Memory {
 public:
  ~Memory();
  // The most bytes in blocks at once.
  size_t limit = SIZE_MAX;
  // Zeroed; room for `bytes` rounded up to a multiple of 64. Returns the block's id, or -1 when there is no room.
  int32_t alloc(size_t bytes);
  // Somebody else's bytes as a block that is only read. They are not counted as live; over(owner) is called once, when the block is freed.
  // Returns its id, or -1 where they are none or do not lie at a multiple of 4, the widest element.
  int32_t lend(char* data, size_t bytes, void (*over)(void* owner), void* owner);
  // False for an id there is not.
  bool free(int32_t id);
  bool valid(int32_t id) const { return id >= 0 && (size_t)id < blocks_.size() && blocks_[id].data != nullptr; }
  bool lent(int32_t id) const { return blocks_[id].over != nullptr; }
  char* data(int32_t id) const { return blocks_[id].data; }
  size_t bytes(int32_t id) const { return blocks_[id].bytes; }
  size_t live() const { return live_; }
  size_t peak() const { return peak_; }

 private:
  struct Block {
    char* data;      // null: the id is unused
    size_t bytes;    // asked for
    size_t room;     // of its class
    char* mapping;   // of a large block, else null
    size_t mapped;
    void (*over)(void* owner);  // of a lent block, else null
    void* owner;
  };
  struct Free {
    char *data, *mapping;
    size_t mapped;
  };
  struct Class {
    size_t room;
    std::vector<Free> free;
  };
  Class& classOf(size_t room);
  bool carve(size_t room, Block& block);
  int32_t add(const Block& block);

  std::vector<Block> blocks_;
  std::vector<int32_t> unusedIds_;
  std::vector<Class> classes_;
  struct Slab {
    char* base;
    size_t bytes, used;
  };
  std::vector<Slab> slabs_;
  size_t live_ = 0, peak_ = 0, cached_ = 0;
  uint32_t staggered_ = 0;
};

}  // namespace nabla
