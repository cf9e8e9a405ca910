// Schedules keep the order of steps that touch the same memory, whatever the steps; pools run each piece of each phase once, however late
// their threads are.
#include "../pool.h"
#include "../schedule.h"
#include "check.h"

namespace {

using nabla::Phase;
using nabla::Program;
using nabla::Schedule;
using nabla::Share;
using nabla::Step;

bool meets(const std::vector<nabla::Touch>& a, const std::vector<nabla::Touch>& b) {
  for (const nabla::Touch& x : a)
    for (const nabla::Touch& y : b)
      if (x.space == y.space && std::max(x.begin, y.begin) < std::min(x.end, y.end)) return true;
  return false;
}

bool inOrder(const Step& a, const Step& b) { return meets(a.writes, b.reads) || meets(a.reads, b.writes) || meets(a.writes, b.writes); }

void flatten(const std::vector<Step>& steps, std::vector<const Step*>& list) {
  for (const Step& s : steps) {
    if (s.kind == nabla::STEP_LOOP) flatten(s.loop->before, list), flatten(s.loop->steps, list);
    else list.push_back(&s);
  }
}

struct Place {
  int32_t phase, piece;
  size_t at;
  Share share;
};

}  // namespace

// Every share of every step once, each phase of a fused step after the one before, and dependent steps one after the other.
void checkSchedule(const Program& program, int32_t threads, const char* name) {
  const Schedule s = nabla::makeSchedule(program, threads);
  std::vector<const Step*> steps;
  flatten(program.steps, steps);
  std::vector<std::vector<Place>> places(steps.size());
  for (size_t p = 0; p < s.phases.size(); p++) {
    CHECK(!s.phases[p].pieces.empty() && (int32_t)s.phases[p].pieces.size() <= 4 * threads, "%s: pieces of a phase", name);
    for (size_t t = 0; t < s.phases[p].pieces.size(); t++)
      for (size_t i = 0; i < s.phases[p].pieces[t].size(); i++) {
        const Share& share = s.phases[p].pieces[t][i];
        places[(size_t)share.step].push_back(Place{(int32_t)p, (int32_t)t, i, share});
      }
  }
  for (size_t i = 0; i < steps.size(); i++) {
    const Step& step = *steps[i];
    if (places[i].empty()) {
      // Inside a loop that does nothing a step may be left out too.
      CHECK(step.nothing || program.loops, "%s: step %zu is left out", name, i);
      continue;
    }
    const int32_t phases = step.kind == nabla::STEP_FUSED ? step.fused.phases : 1;
    std::vector<int32_t> when((size_t)phases, -1), shares((size_t)phases, 0);
    for (const Place& a : places[i]) {
      const int32_t end = step.kind == nabla::STEP_FUSED ? a.share.phaseEnd : 1;
      CHECK(a.share.index >= 0 && a.share.index < a.share.count && a.share.count <= 4 * threads, "%s: a share of step %zu", name, i);
      CHECK(s.phases[(size_t)a.phase].loop < 0 || (a.share.index == a.piece && a.share.rows > 0), "%s: step %zu by rows", name, i);
      CHECK(end == a.share.phase + 1 || a.share.count == 1, "%s: step %zu meets itself in a phase", name, i);
      for (int32_t k = a.share.phase; k < end; k++) {
        CHECK(when[(size_t)k] < 0 || when[(size_t)k] == a.phase, "%s: shares of step %zu in several phases", name, i);
        when[(size_t)k] = a.phase;
        shares[(size_t)k] += 1;
        CHECK(shares[(size_t)k] <= a.share.count, "%s: a share of step %zu twice", name, i);
      }
    }
    for (size_t k = 0; k < when.size(); k++) {
      CHECK(shares[k] == places[i][0].share.count, "%s: %d shares of step %zu", name, shares[k], i);
      CHECK(k == 0 || places[i][0].share.count == 1 || when[k] > when[k - 1], "%s: phases of step %zu out of order", name, i);
    }
    for (size_t j = 0; j < i; j++) {
      if (!inOrder(*steps[j], step)) continue;
      for (const Place& a : places[j])
        for (const Place& b : places[i]) {
          // Of a loop that goes by rows, pieces have nothing to do with each other: that results do not depend on threads shows it.
          if (a.phase == b.phase && a.piece != b.piece && s.phases[(size_t)a.phase].loop >= 0) continue;
          const bool alone = (a.share.count == 1 && b.share.count == 1) || s.phases[(size_t)a.phase].loop >= 0;
          const bool samePiece = a.phase == b.phase && a.piece == b.piece && alone;
          CHECK(a.phase < b.phase || (samePiece && a.at < b.at), "%s: step %zu before step %zu on %d threads", name, i, j, threads);
        }
    }
  }
}

namespace {

// Steps of random cost that read and write random stretches of a little memory.
Program randomProgram(Rng& rng, int count) {
  Program p;
  auto stretches = [&](int most) {
    std::vector<nabla::Touch> list;
    idx at = 0;
    for (idx n = rng.between(0, most); n > 0; n--) {
      at += rng.between(1, 40);
      const idx end = at + rng.between(1, 20);
      list.push_back(nabla::Touch{-1, at, end});
      at = end;
    }
    if (rng.coin()) list.push_back(nabla::Touch{rng.between(0, 3), 0, rng.between(1, 9)});
    return list;
  };
  for (int i = 0; i < count; i++) {
    p.steps.emplace_back();
    Step& s = p.steps.back();
    s.kind = rng.below(3) == 0 ? nabla::STEP_FUSED : nabla::STEP_SORT;
    s.sort = nabla::SortTask();
    if (s.kind == nabla::STEP_FUSED) s.fused = nabla::FusedTask(), s.fused.phases = (int32_t)rng.between(1, 3);
    s.number = p.numbered++;
    s.nothing = rng.below(12) == 0;
    s.tiles = rng.coin() ? 1000 : rng.between(1, 9);
    s.nanoseconds = rng.coin() ? 50 : (double)rng.between(100, rng.coin() ? 20000 : 3000000);
    s.reads = stretches(3);
    s.writes = stretches(2);
  }
  return p;
}

// Counts pieces, of which phases have different numbers; some threads dawdle, so that others take their pieces over.
struct Counting final : nabla::Team {
  static constexpr int MOST = 12;
  nabla::Pool& pool;
  std::vector<std::atomic<int>> times;
  std::vector<int> values;  // by piece: a race if phases do not follow each other
  int32_t dawdler = -1;
  uint64_t stopAt = UINT64_MAX;
  bool skips = false;       // three phases of ten
  Counting(nabla::Pool& p, uint64_t phases) : pool(p), times((size_t)phases * MOST), values(MOST, 0) {}
  static int32_t count(uint64_t phase) { return 1 + (int32_t)(phase / 2 * 5 % MOST); }
  int32_t pieces(int32_t, uint64_t phase) override { return count(phase); }
  uint64_t after(int32_t, uint64_t phase) override { return skips && phase % 10 == 4 ? phase + 4 : phase + 1; }
  bool left(uint64_t phase) const { return skips && phase % 10 > 4 && phase % 10 < 8; }
  void piece(int32_t thread, uint64_t phase, int32_t piece) override {
    if (thread == dawdler && phase % 7 == 3) std::this_thread::sleep_for(std::chrono::microseconds(200));
    times[(size_t)phase * MOST + (size_t)piece].fetch_add(1);
    // Even phases write, odd ones, which have as many pieces, read what a neighbour wrote.
    if (phase % 2 == 0) values[(size_t)piece] = (int)phase;
    else if (values[(size_t)((piece + 1) % count(phase))] != (int)phase - 1) wrong.fetch_add(1);
    if (phase == stopAt) pool.interrupt.store(true);
  }
  std::atomic<int> wrong{0};
  // Whether each piece of the first phases ran once, and none of the others.
  bool ranOnce(uint64_t phases) const {
    for (size_t i = 0; i < times.size(); i++) {
      const bool due = i / MOST < phases && !left(i / MOST) && (int32_t)(i % MOST) < count(i / MOST);
      if (times[i].load() != (due ? 1 : 0)) return false;
    }
    return wrong.load() == 0;
  }
};

void testPool() {
  for (int threads : {2, 3, 8}) {
    nabla::Pool pool(threads);
    for (int round = 0; round < (threads > 3 ? 6 : 20); round++) {
      const uint64_t phases = round % 3 == 0 ? 1 : 60;
      Counting counting(pool, phases);
      counting.dawdler = round % 4 == 0 ? -1 : round % threads;
      pool.run(counting, phases);
      CHECK(counting.ranOnce(phases), "each piece once, phase after phase, on %d threads", threads);
      // Long enough for the others to park.
      if (round % 5 == 4) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    Counting skipping(pool, 100);
    skipping.skips = true;
    skipping.dawdler = threads - 1;
    pool.run(skipping, 97);  // the end lies among phases that are left out
    CHECK(skipping.ranOnce(97), "phases are left out on %d threads", threads);
    Counting counting(pool, 100);
    counting.stopAt = 41;
    pool.run(counting, 100);
    CHECK(counting.ranOnce(42), "the phase of the interrupt is the last on %d threads", threads);
  }
}

}  // namespace

void testSchedule() {
  const int before = checks;
  Rng rng(7);
  for (int round = 0; round < 40; round++) {
    const Program p = randomProgram(rng, (int)rng.between(1, 150));
    for (int32_t threads : {1, 2, 3, 4, 8}) checkSchedule(p, threads, "random steps");
  }
  testPool();
  std::printf("schedule %d checks\n", checks - before);
}
