#include "base/worker_pool.h"

#include "base/error.h"
#include "base/scheduling.h"

namespace vernissage::render {

WorkerPool::WorkerPool(int threads) {
  VERNISSAGE_ASSERT_OP(threads, >=, 1);
  for (int i = 0; i < threads; ++i)
    threads_.emplace_back([this] {
      process::give_way();
      work();
    });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
}

void WorkerPool::post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void WorkerPool::work() {
  while (true) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace vernissage::render
