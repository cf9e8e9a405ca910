// Chooses between all threads and one for a program, by what it sees: where other processes hold the cores threads wait for each other
// longer than they compute, and where two cores are one with two faces company hardly helps. Results do not depend on the choice.
#pragma once
#include <stdint.h>

namespace nabla {

class Pace {
 public:
  // Whether the next burst of runs is to use all threads.
  bool together(int64_t now) {
    if (state_ == ALONE && now >= until_) enter(LOOKING);
    return state_ == TOGETHER || state_ == LOOKING;
  }

  // How many of the remaining runs make the next burst: about two milliseconds.
  int64_t burst(int64_t remaining) const {
    const double each = last_ > 0 ? last_ : BURST;
    const int64_t runs = each >= BURST ? 1 : (int64_t)(BURST / each);
    return runs < remaining ? runs : remaining;
  }

  // What a burst took, and how often a thread was late in it (others did its work, or waited too long to go on spinning).
  void note(int64_t runs, int64_t nanoseconds, int64_t late, int64_t now) {
    last_ = (double)nanoseconds / (double)runs;
    spent_ += (double)nanoseconds;
    runs_ += (double)runs;
    switch (state_) {
      case TOGETHER:
        // The first bursts wake threads; and one that was held up for long says little.
        if (++bursts_ <= WARM || together_ == 0) together_ = last_;
        together_ += 0.125 * ((last_ < 4 * together_ ? last_ : 4 * together_) - together_);
        stress_ += 0.25 * ((late > 1 ? 1 : 0) - stress_);
        if (bursts_ >= pause_ || (stress_ > 0.5 && bursts_ >= CALM)) enter(PROBING);
        return;
      case PROBING:
        if (spent_ < PROBE) return;
        alone_ = spent_ / runs_;
        if (alone_ < 0.95 * together_) {
          // What was good for a moment only is not tried again soon.
          patience_ = now - since_ < 4 * patience_ ? least(2 * patience_, LONGEST) : PATIENCE;
          leave(now);
        } else {
          pause_ = least(2 * pause_, RARELY);
          enter(TOGETHER);
        }
        return;
      case ALONE: alone_ = last_; return;
      case LOOKING:
        if (spent_ < LOOK) return;
        if (spent_ / runs_ < 0.9 * alone_) {
          since_ = now;
          pause_ = CALM;
          enter(TOGETHER);
        } else {
          patience_ = least(2 * patience_, LONGEST);
          leave(now);
        }
        return;
    }
  }

 private:
  enum State { TOGETHER, PROBING, ALONE, LOOKING };
  static constexpr double BURST = 2e6, PROBE = 3e6, LOOK = 12e6;  // a look must see the system's time slices
  static constexpr int64_t PATIENCE = 20000000, LONGEST = 1000000000;  // nanoseconds
  static constexpr int64_t WARM = 3, CALM = 10, RARELY = 600;          // bursts

  static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
  void enter(State state) {
    state_ = state;
    spent_ = runs_ = stress_ = 0;
    bursts_ = 0;
  }
  void leave(int64_t now) {
    until_ = now + patience_;
    enter(ALONE);
  }

  State state_ = TOGETHER;
  double together_ = 0, alone_ = 0, last_ = 0;  // nanoseconds a run
  double stress_ = 0, spent_ = 0, runs_ = 0;    // of the current state
  int64_t since_ = 0, until_ = 0, patience_ = PATIENCE;
  int64_t bursts_ = 0, pause_ = CALM;           // in company; how many before the next comparison
};

}  // namespace nabla
