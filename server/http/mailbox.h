// Where something that another thread makes is handed to a waiting connection. It may come when the
// connection, and even its server, have gone.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace vernissage::http {

/// Has a job run where a connection runs: one after the other, on any thread. From any thread.
using Post = std::function<void(std::function<void()>)>;

template <class T>
class Mailbox : public std::enable_shared_from_this<Mailbox<T>> {
 public:
  explicit Mailbox(Post post_job) : post_job_(std::move(post_job)) {}

  /// From any thread.
  void post(T value) {
    const std::lock_guard lock(mutex_);
    post_locked(std::move(value));
  }
  /// The same, and nothing after it: whoever keeps the box from now on keeps nothing of the server.
  void post_last(T value) {
    const std::lock_guard lock(mutex_);
    post_locked(std::move(value));
    post_job_ = nullptr;
  }
  /// Nothing is posted from now on, and nobody is posting any more: only then may the server go, of
  /// which they hold something meanwhile.
  void shut() {
    const std::lock_guard lock(mutex_);
    post_job_ = nullptr;
  }
  bool is_shut() const {
    const std::lock_guard lock(mutex_);
    return !post_job_;
  }

  // Where the connection runs:
  void give(T value) {
    if (auto woken = std::exchange(wake, nullptr)) woken(std::move(value));
  }
  std::function<void(T)> wake;  // resumes the connection, once

 private:
  void post_locked(T value) {
    if (!post_job_) return;
    // Shared, as what is posted may be copied on its way and the value should not.
    post_job_([self = this->shared_from_this(), held = std::make_shared<T>(std::move(value))] {
      self->give(std::move(*held));
    });
  }

  mutable std::mutex mutex_;  // guards post_job_
  Post post_job_;             // while the connection is there
};

}  // namespace vernissage::http
