#include "server/render/worker_pool.h"

#include <sys/resource.h>
#include <unistd.h>

#include "engine/error.h"

namespace vernissage::render {

void give_way() {
  // Of one thread, on Linux: setpriority(2), "C library/kernel differences". A system that refuses
  // it runs as before.
  constexpr int kNice = 10;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
}

WorkerPool::WorkerPool(int threads) {
  VERNISSAGE_ASSERT_OP(threads, >=, 1);
  for (int i = 0; i < threads; ++i)
    threads_.emplace_back([this] {
      give_way();
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
