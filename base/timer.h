// One thread that does small things later: a heartbeat, the next frame of a walk.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

namespace vernissage::live {

/// Safe to call from several threads.
class Timer {
 public:
  using Clock = std::chrono::steady_clock;

  Timer();
  /// What is not due yet is never run. A job may be the one that lets go of the timer.
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Runs `job`, which must neither throw nor take long, at `when` or soon after; in order of time.
  /// `job` should hold what it needs weakly: it may never be run.
  void at(Clock::time_point when, std::function<void()> job);
  void after(Clock::duration delay, std::function<void()> job) {
    at(Clock::now() + delay, std::move(job));
  }
  /// Runs `job` as soon as the thread is free: for those who must not wait themselves.
  void soon(std::function<void()> job) { at(Clock::time_point(), std::move(job)); }

 private:
  struct State;
  static void run(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace vernissage::live
