#include "server/live/stream_shares.h"

#include <map>
#include <mutex>
#include <utility>

namespace vernissage::live {

class StreamShares::Counts {
 public:
  size_t of(const std::string& client) const {
    const std::lock_guard lock(mutex_);
    const auto found = by_client_.find(client);
    return found == by_client_.end() ? 0 : found->second;
  }
  bool enter(const std::string& client, size_t most) {
    const std::lock_guard lock(mutex_);
    size_t& count = by_client_[client];
    if (count < most) {
      ++count;
      return true;
    }
    if (count == 0) by_client_.erase(client);
    return false;
  }
  void leave(const std::string& client) {
    const std::lock_guard lock(mutex_);
    const auto found = by_client_.find(client);
    if (--found->second == 0) by_client_.erase(found);
  }

 private:
  mutable std::mutex mutex_;  // guards by_client_
  std::map<std::string, size_t> by_client_;
};

class StreamShares::Counted : public http::BodyStream {
 public:
  Counted(std::shared_ptr<Counts> counts, std::string client, Clock::time_point end)
      : counts_(std::move(counts)), client_(std::move(client)), end_(end) {}
  ~Counted() override { counts_->leave(client_); }

  void set_stream(std::shared_ptr<http::BodyStream> stream) { stream_ = std::move(stream); }

  void next(Deliver deliver) override {
    if (Clock::now() < end_) return stream_->next(std::move(deliver));
    stream_->cancel();
    deliver(std::nullopt);
  }
  void cancel() noexcept override { stream_->cancel(); }

 private:
  const std::shared_ptr<Counts> counts_;
  const std::string client_;
  const Clock::time_point end_;
  std::shared_ptr<http::BodyStream> stream_;
};

StreamShares::StreamShares(size_t per_client, std::chrono::milliseconds lifetime)
    : per_client_(per_client), lifetime_(lifetime), counts_(std::make_shared<Counts>()) {}

std::shared_ptr<http::BodyStream> StreamShares::admit(
    const std::string& client, const std::function<std::shared_ptr<http::BodyStream>()>& open) {
  if (!counts_->enter(client, per_client_)) return nullptr;
  // Leaves the count when it goes, also when `open` throws.
  auto counted = std::make_shared<Counted>(counts_, client, Clock::now() + lifetime_);
  auto stream = open();
  if (!stream) return nullptr;
  counted->set_stream(std::move(stream));
  return counted;
}

bool StreamShares::is_full(const std::string& client) const {
  return counts_->of(client) >= per_client_;
}

}  // namespace vernissage::live
