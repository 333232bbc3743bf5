// Holds threads back until a test has seen where they stand.
#pragma once

#include <condition_variable>
#include <mutex>

namespace vernissage::testing {

/// Closed at first; whoever passes waits until it is opened, for good.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    wake_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    wake_.notify_all();
    wake_.wait(lock, [this] { return open_; });
  }
  void await_arrivals(int count) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return arrived_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool open_ = false;
  int arrived_ = 0;
};

}  // namespace vernissage::testing
