#include "server/curation/candidates/embedding_run.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "base/error.h"

namespace vernissage::curation {
namespace {

using Clock = std::chrono::steady_clock;

// Batches painted ahead. Two hide the differences between batches; more would only cost memory.
constexpr size_t kAheadMax = 2;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Batch {
  int n;
  std::vector<uint8_t> rgb;
};

// A bounded queue for one producer and one consumer, either of whom may end it.
class BoundedQueue {
 public:
  /// Waits for room; false when the consumer has closed.
  bool push(Batch batch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_.size() < kAheadMax || closed_; });
    if (closed_) return false;
    waiting_.push_back(std::move(batch));
    changed_.notify_all();
    return true;
  }
  /// Waits for a batch; nothing when the last was taken. Throws what the producer ended with.
  std::optional<Batch> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !waiting_.empty() || closed_; });
    if (waiting_.empty()) {
      if (failure_) std::rethrow_exception(failure_);
      return std::nullopt;
    }
    Batch batch = std::move(waiting_.front());
    waiting_.pop_front();
    changed_.notify_all();
    return batch;
  }
  void close(std::exception_ptr failure = nullptr) {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    if (failure && !failure_) failure_ = failure;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Batch> waiting_;
  bool closed_ = false;
  std::exception_ptr failure_;
};

// Appends and, now and then, waits for the disk.
class Checkpointer {
 public:
  Checkpointer(PartialWriter& partial, const std::function<void(std::span<const float>)>& seen,
               StageTimes& times)
      : partial_(partial), seen_(seen), times_(times) {}

  void append(std::span<const float> embeddings) {
    const auto start = Clock::now();
    partial_.append(embeddings);
    if (seconds_since(last_) >= kCheckpointSeconds) checkpoint();
    times_.keep += seconds_since(start);
    seen_(embeddings);
  }
  void checkpoint() {
    const auto start = Clock::now();
    partial_.sync();
    times_.checkpoints += seconds_since(start);
    last_ = Clock::now();
  }

 private:
  PartialWriter& partial_;
  const std::function<void(std::span<const float>)>& seen_;
  StageTimes& times_;
  Clock::time_point last_ = Clock::now();
};

// The n of each batch, from `first` on.
template <class Do>
void in_batches(uint64_t first, uint64_t last, int batch, const Do& each) {
  while (first < last) {
    const int n = static_cast<int>(std::min<uint64_t>(static_cast<uint64_t>(batch), last - first));
    if (!each(first, n)) return;
    first += static_cast<uint64_t>(n);
  }
}

}  // namespace

StageTimes embed_candidates(const Stages& stages, PartialWriter& partial,
                            const PartialHeader& header,
                            const std::function<void(std::span<const float>)>& seen,
                            const std::function<bool()>& stop) {
  VERNISSAGE_ASSERT_OP(stages.batch, >=, 1);
  StageTimes times;
  const auto start = Clock::now();
  const uint64_t first = header.first() + partial.count();
  Checkpointer checkpointer(partial, seen, times);
  if (stages.paint_and_embed) {
    in_batches(first, header.last(), stages.batch, [&](uint64_t candidate, int n) {
      if (stop()) return false;
      const auto began = Clock::now();
      const std::vector<float> embeddings = stages.paint_and_embed(candidate, n);
      times.paint += seconds_since(began);
      checkpointer.append(embeddings);
      return true;
    });
  } else {
    BoundedQueue queue;
    double painting = 0;  // the producer alone writes it until it has ended
    {
      const std::jthread producer([&] {
        try {
          in_batches(first, header.last(), stages.batch, [&](uint64_t candidate, int n) {
            const auto began = Clock::now();
            Batch batch{n, stages.paint(candidate, n)};
            painting += seconds_since(began);
            return queue.push(std::move(batch));
          });
          queue.close();
        } catch (...) {
          queue.close(std::current_exception());
        }
      });
      try {
        while (!stop()) {
          const auto batch = queue.pop();
          if (!batch) break;
          const auto began = Clock::now();
          const std::vector<float> embeddings = stages.embed(batch->n, batch->rgb);
          times.embed += seconds_since(began);
          checkpointer.append(embeddings);
        }
        queue.close();
      } catch (...) {
        queue.close();  // or the producer would wait for ever
        throw;
      }
    }
    times.paint = painting;
  }
  checkpointer.checkpoint();
  times.total = seconds_since(start);
  return times;
}

}  // namespace vernissage::curation
