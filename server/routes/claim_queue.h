// One thread at which claims wait for the store: a commit waits for the disk, and the threads that
// answer readers must not.
#pragma once

#include <atomic>
#include <functional>

#include "base/worker_pool.h"

namespace vernissage::http {

class ClaimQueue {
 public:
  static constexpr int kWaitingMax = 512;

  /// Runs `job`, which must not throw, in its turn. False: too many wait already.
  bool post(std::function<void()> job) {
    if (waiting_.fetch_add(1) >= kWaitingMax) {
      --waiting_;
      return false;
    }
    pool_.post([this, job = std::move(job)] {
      job();
      --waiting_;
    });
    return true;
  }

 private:
  std::atomic<int> waiting_ = 0;
  render::WorkerPool pool_{1};  // last: its end runs what still waits
};

}  // namespace vernissage::http
