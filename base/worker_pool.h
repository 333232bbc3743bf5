// A few threads that run what they are given, in order of arrival.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace vernissage::render {

/// Its threads give way (process/scheduling.h).
class WorkerPool {
 public:
  explicit WorkerPool(int threads);
  /// Runs what was posted, then ends.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// `job` must not throw. Never waits; the caller bounds how much is posted.
  void post(std::function<void()> job);

 private:
  void work();

  std::mutex mutex_;  // guards jobs_ and closing_
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool closing_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace vernissage::render
