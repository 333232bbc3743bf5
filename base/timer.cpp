#include "base/timer.h"

#include <condition_variable>
#include <map>
#include <mutex>

namespace vernissage::live {

struct Timer::State {
  std::mutex mutex;  // guards what follows
  std::condition_variable wake;
  std::multimap<Clock::time_point, std::function<void()>> jobs;
  bool closing = false;
};

Timer::Timer() : state_(std::make_shared<State>()), thread_(run, state_) {}

Timer::~Timer() {
  decltype(state_->jobs) dropped;  // let go of without the lock
  {
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
    dropped.swap(state_->jobs);
  }
  state_->wake.notify_all();
  // On its own thread it cannot wait for itself; the state stays until that thread has ended.
  if (thread_.get_id() == std::this_thread::get_id())
    thread_.detach();
  else
    thread_.join();
}

void Timer::at(Clock::time_point when, std::function<void()> job) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->closing) return;
    state_->jobs.emplace(when, std::move(job));
  }
  state_->wake.notify_all();
}

void Timer::run(std::shared_ptr<State> state) {
  std::unique_lock lock(state->mutex);
  while (!state->closing) {
    if (state->jobs.empty()) {
      state->wake.wait(lock);
      continue;
    }
    const auto due = state->jobs.begin()->first;
    if (due > Clock::now()) {
      state->wake.wait_until(lock, due);
      continue;
    }
    auto job = std::move(state->jobs.extract(state->jobs.begin()).mapped());
    lock.unlock();
    job();
    job = nullptr;  // what it held may go too, without the lock
    lock.lock();
  }
}

}  // namespace vernissage::live
