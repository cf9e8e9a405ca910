// Chooses between all threads and one for a program, by what it sees: where other processes hold the cores, threads wait for each other
// longer than they compute. Results do not depend on the choice.
#pragma once
#include <stdint.h>

namespace nabla {

class Pace {
 public:
  // Whether the next burst of runs is to use all threads.
  bool together(int64_t now) const { return state_ == TOGETHER || (state_ == ALONE && now >= until_); }

  // How many of the remaining runs make the next burst: about two milliseconds.
  int64_t burst(int64_t remaining) const {
    const double each = last_ > 0 ? last_ : 2e6;
    const int64_t runs = each >= 2e6 ? 1 : (int64_t)(2e6 / each);
    return runs < remaining ? runs : remaining;
  }

  // What a burst took, and how often a thread had to be parked inside it.
  void note(bool together, int64_t runs, int64_t nanoseconds, int64_t parks, int64_t now) {
    last_ = (double)nanoseconds / (double)runs;
    if (together) {
      together_ = together_ > 0 ? 0.75 * together_ + 0.25 * last_ : last_;
      stress_ = 0.75 * stress_ + 0.25 * (double)parks / (double)runs;
      if (state_ == ALONE) {
        // That was a look whether the cores are free again.
        if (last_ < 0.95 * alone_) {
          state_ = TOGETHER;
          together_ = last_;
          patience_ = PATIENCE;
          calm_ = CALM;
        } else {
          patience_ = patience_ * 2 < LONGEST ? patience_ * 2 : LONGEST;
          until_ = now + patience_;
        }
      } else if (calm_ > 0) {
        calm_--;
      } else if (stress_ > 0.25) {
        state_ = PROBING;
      }
      return;
    }
    alone_ = last_;
    if (state_ != PROBING) return;
    if (alone_ < 0.95 * together_) {
      state_ = ALONE;
      until_ = now + patience_;
    } else {
      state_ = TOGETHER;
      calm_ = CALM;
    }
  }

 private:
  static constexpr int CALM = 20;                        // bursts before suspicion may rise again
  static constexpr int64_t PATIENCE = 20000000, LONGEST = 500000000;
  enum State { TOGETHER, PROBING, ALONE };
  State state_ = TOGETHER;
  double together_ = 0, alone_ = 0, last_ = 0, stress_ = 0;
  int64_t until_ = 0, patience_ = PATIENCE;
  int calm_ = 2;
};

}  // namespace nabla
