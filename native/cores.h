// Where the threads of a pool run. A system with one process more than cores sees no difference between two of ours on one core and one
// of ours beside the other process; we do: the first takes twice as long.
#pragma once
#include <stdint.h>
#include <atomic>
#include <memory>

namespace nabla {

class Cores {
 public:
  explicit Cores(int32_t threads);
  ~Cores();
  Cores(const Cores&) = delete;
  // Called by thread `thread` between pieces of work. Every millisecond it lets others have its core, so that it is not stopped in the
  // middle of a piece, and a helper (any but thread 0, which is the host's) moves off a core that another thread was seen on.
  void look(int32_t thread);

 private:
  struct Place;
  void moveOff(int32_t thread);

  int32_t threads_;
  std::unique_ptr<Place[]> places_;
};

}  // namespace nabla
