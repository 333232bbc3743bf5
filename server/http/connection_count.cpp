#include "server/http/connection_count.h"

#include "server/http/limits.h"

namespace vernissage::http {

template <class Change>
void ConnectionCount::change(const Change& change_counts) {
  const std::lock_guard lock(mutex_);
  change_counts();
  changed_.notify_all();
}

bool ConnectionCount::come(const std::string& share, size_t share_max) {
  const std::lock_guard lock(mutex_);
  if (connections_ >= kConnectionsMax) return false;
  const auto found = by_share_.find(share);
  if ((found == by_share_.end() ? 0 : found->second) >= share_max) return false;
  ++by_share_[share];
  ++connections_;
  ++silent_;
  return true;
}

void ConnectionCount::first_byte() {
  change([&] { --silent_; });
}

void ConnectionCount::go(const std::string& share, bool has_sent_bytes) {
  change([&] {
    if (!has_sent_bytes) --silent_;
    --connections_;
    const auto found = by_share_.find(share);
    if (--found->second == 0) by_share_.erase(found);
  });
}

void ConnectionCount::begin_request() {
  change([&] { ++requests_; });
}

void ConnectionCount::end_request() {
  change([&] { --requests_; });
}

void ConnectionCount::hold() {
  change([&] { ++held_; });
}

void ConnectionCount::release() {
  change([&] { --held_; });
}

size_t ConnectionCount::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

size_t ConnectionCount::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

bool ConnectionCount::wait_for_first_bytes(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [&] { return held_ == 0 && silent_ == 0; });
}

bool ConnectionCount::wait_for_answers(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [&] { return held_ == 0 && requests_ == 0; });
}

}  // namespace vernissage::http
