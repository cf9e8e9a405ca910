#include "schedule.h"

#include <algorithm>
#include "by_rows.h"

namespace nabla {

namespace {

constexpr double MEET_NS = 250;    // of a phase: the threads wait for each other
constexpr double SHARE_NS = 600;   // of a share, at least: what is smaller stays whole
constexpr double BLOCK_NS = 400000;  // of a share, at most, if four shares a thread are enough for that
constexpr size_t WINDOW = 64;      // steps compared with each other; nothing moves further

bool conflict(const Step& a, const Step& b) { return overlap(a.writes, b.reads) || overlap(a.reads, b.writes) || overlap(a.writes, b.writes); }

// Steps of one list, at most WINDOW, none a loop.
class Window {
 public:
  Window(std::vector<const Step*> steps, int32_t threads) : tasks_(steps.size()), threads_(threads) {
    for (size_t i = 0; i < steps.size(); i++) {
      Task& t = tasks_[i];
      t.step = steps[i];
      t.parts = partsOf(*t.step, threads);
      t.phases = t.parts > 1 && t.step->kind == STEP_FUSED ? t.step->fused.phases : 1;
      if (threads == 1) continue;  // the order is the program's
      for (size_t j = 0; j < i; j++)
        if (conflict(*steps[j], *steps[i])) t.before |= (uint64_t)1 << j;
    }
  }

  // Appends phases until every step is in one.
  void run(Schedule& out, double& nanoseconds) {
    for (size_t left = tasks_.size(); left > 0;) {
      out.phases.emplace_back();
      phase_ = &out.phases.back();
      // Steps whose predecessors are all in earlier phases: what takes longest first, so that the rest fills the gaps.
      std::vector<size_t> ready;
      for (size_t i = 0; i < tasks_.size(); i++)
        if (!tasks_[i].placed && (tasks_[i].before & ~done_) == 0) ready.push_back(i);
      if (threads_ > 1)
        std::stable_sort(ready.begin(), ready.end(), [&](size_t a, size_t b) { return share(tasks_[a]) > share(tasks_[b]); });
      pieces_ = threads_;
      for (size_t i : ready) pieces_ = std::max(pieces_, tasks_[i].parts);
      phase_->pieces.resize(pieces_);
      load_.assign(pieces_, 0);
      uint64_t now = 0;
      for (size_t i : ready) place(tasks_[i], lightest(tasks_[i].parts));
      for (size_t i = 0; i < tasks_.size(); i++) {
        Task& t = tasks_[i];
        // A small step may follow its predecessors in the same piece.
        if (!t.placed && t.parts == 1 && t.owner < 0) {
          const int32_t owner = ownerOf(t.before & ~done_, now);
          if (owner >= 0) place(t, {owner});
        }
        if (t.placed && !(done_ >> i & 1)) now |= (uint64_t)1 << i;
      }
      for (size_t i = 0; i < tasks_.size(); i++)
        if ((now >> i & 1) && tasks_[i].placed) done_ |= (uint64_t)1 << i, left--;
      while (phase_->pieces.back().empty()) phase_->pieces.pop_back();
      double total = 0, longest = 0;
      for (double load : load_) total += load, longest = std::max(longest, load);
      nanoseconds += std::max(longest, total / threads_) + (threads_ > 1 ? MEET_NS : 0);
    }
  }

 private:
  struct Task {
    const Step* step = nullptr;
    uint64_t before = 0;   // steps of the window that must be done first
    int32_t parts = 1;
    int32_t phases = 1, phase = 0;  // of its own, each in another phase of the schedule
    int32_t owner = -1;    // the piece that has it whole
    bool placed = false;
  };

  static int32_t partsOf(const Step& s, int32_t threads) {
    if (threads == 1) return 1;
    const double shares = std::min((double)s.tiles, s.nanoseconds / SHARE_NS), blocks = std::min((double)s.tiles, s.nanoseconds / BLOCK_NS) / threads;
    return shares < threads ? std::max(1, (int32_t)shares) : threads * (int32_t)std::min(4.0, std::max(1.0, blocks));
  }

  static double share(const Task& t) { return t.step->nanoseconds / t.parts / t.phases; }

  // The `count` pieces with the least to do, in order.
  std::vector<int32_t> lightest(int32_t count) const {
    std::vector<int32_t> list(pieces_);
    for (int32_t i = 0; i < pieces_; i++) list[i] = i;
    if (count < pieces_) {
      std::stable_sort(list.begin(), list.end(), [&](int32_t a, int32_t b) { return load_[a] < load_[b]; });
      list.resize(count);
      std::sort(list.begin(), list.end());
    }
    return list;
  }

  // The one piece that all of these steps are in, or -1.
  int32_t ownerOf(uint64_t steps, uint64_t now) const {
    if ((steps & now) != steps) return -1;
    int32_t owner = -1;
    for (size_t i = 0; i < tasks_.size(); i++) {
      if (!(steps >> i & 1)) continue;
      if (tasks_[i].owner < 0 || (owner >= 0 && owner != tasks_[i].owner)) return -1;
      owner = tasks_[i].owner;
    }
    return owner;
  }

  void place(Task& t, const std::vector<int32_t>& pieces) {
    const bool whole = t.parts == 1;
    const int32_t end = t.step->kind != STEP_FUSED ? 1 : whole ? t.step->fused.phases : t.phase + 1;
    for (int32_t i = 0; i < t.parts; i++) {
      phase_->pieces[pieces[i]].push_back(Share{t.step->number, i, t.parts, t.phase, end, 0});
      load_[pieces[i]] += share(t);
    }
    if (whole) t.owner = pieces[0];
    t.placed = ++t.phase == t.phases || whole;
  }

  std::vector<Task> tasks_;
  int32_t threads_;
  uint64_t done_ = 0;      // in earlier phases
  Phase* phase_ = nullptr;
  int32_t pieces_ = 1;     // of the phase
  std::vector<double> load_;
};

class Planner {
 public:
  Planner(Schedule& out, const Program& program, int32_t threads) : out_(out), program_(program), threads_(threads) {}

  void list(const std::vector<Step>& steps, double times) {
    std::vector<const Step*> window;
    auto flush = [&] {
      if (window.empty()) return;
      const size_t first = out_.phases.size();
      double nanoseconds = 0;
      Window(std::move(window), threads_).run(out_, nanoseconds);
      window.clear();
      for (size_t i = first; i < out_.phases.size(); i++) out_.code.push_back(Op{Op::PHASE, (int32_t)i, 0, 0, 0});
      out_.nanoseconds += times * nanoseconds;
      const double total = (double)out_.length + times * (double)(out_.phases.size() - first);
      out_.length = total < (double)MOST_PHASES ? (uint64_t)total : MOST_PHASES;
    };
    for (const Step& s : steps) {
      if (s.nothing) continue;
      if (s.kind == STEP_LOOP) {
        flush();
        loop(*s.loop, times);
        continue;
      }
      window.push_back(&s);
      if (window.size() == WINDOW) flush();
    }
    flush();
  }

 private:
  void loop(const LoopInfo& l, double times) {
    list(l.before, times);
    const int32_t which = (int32_t)out_.loops.size();
    out_.loops.push_back(&l);
    if (depth_ == 0 && l.guard < 0 && byRows(l, which)) return;
    out_.code.push_back(Op{Op::ENTER, which, 0, 0, 0});
    const size_t begin = out_.code.size(), phases = out_.phases.size();
    const uint64_t length = out_.length;
    depth_++;
    list(l.steps, times * (double)l.length);
    depth_--;
    if (out_.phases.size() == phases) {
      // Nothing to do inside.
      out_.code.resize(begin - 1);
      return;
    }
    out_.code[begin - 1].end = (int32_t)out_.code.size();
    out_.code[begin - 1].phases = (uint64_t)((double)(out_.length - length) / times);
    out_.code.push_back(Op{Op::LEAVE, which, (int32_t)begin, 0, 0});
  }

  // One phase in which each piece goes through all rounds with rows of its own, where that is possible and faster.
  bool byRows(const LoopInfo& l, int32_t which) {
    if (threads_ == 1) return false;
    const RowCut cut = cutByRows(program_, l, threads_);
    if (cut.parts < 2) return false;
    Schedule meeting;
    Planner(meeting, program_, threads_).list(l.steps, (double)l.length);
    double nanoseconds = MEET_NS;
    for (const Step& s : l.steps)
      if (!s.nothing) nanoseconds += (double)l.length * s.nanoseconds * (double)cut.most / (double)cut.rows;
    if (nanoseconds > meeting.nanoseconds) return false;
    Phase phase;
    phase.loop = which;
    phase.pieces.resize(cut.parts);
    for (int32_t i = 0; i < cut.parts; i++)
      for (const Step& s : l.steps)
        if (!s.nothing) phase.pieces[i].push_back(Share{s.number, i, cut.parts, 0, 1, cut.rows});
    out_.code.push_back(Op{Op::PHASE, (int32_t)out_.phases.size(), 0, 0, 0});
    out_.phases.push_back(std::move(phase));
    out_.nanoseconds += nanoseconds;
    out_.length++;
    return true;
  }

  Schedule& out_;
  const Program& program_;
  int32_t threads_;
  int32_t depth_ = 0;      // of the loop being planned
};

}  // namespace

Schedule makeSchedule(const Program& program, int32_t threads) {
  Schedule s;
  Planner(s, program, threads).list(program.steps, 1);
  return s;
}

}  // namespace nabla
