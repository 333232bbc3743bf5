#include "server/http/connection_count.h"

#include "server/http/limits.h"

namespace vernissage::http {
namespace {

// Apart from every share, whatever bytes those are.
std::string wide_key(const Peer& peer) {
  return "wide " + peer.wide;
}

}  // namespace

template <class Change>
void ConnectionCount::change(const Change& change_counts) {
  const std::lock_guard lock(mutex_);
  change_counts();
  changed_.notify_all();
}

bool ConnectionCount::come(const Peer& peer, size_t share_max) {
  const std::lock_guard lock(mutex_);
  if (connections_ >= kConnectionsMax) return false;
  const auto held = [&](const std::string& share) {
    const auto found = by_share_.find(share);
    return found == by_share_.end() ? size_t{0} : found->second;
  };
  if (held(peer.share) >= share_max) return false;
  if (!peer.wide.empty()) {
    if (held(wide_key(peer)) / kWideShare >= share_max) return false;
    ++by_share_[wide_key(peer)];
  }
  ++by_share_[peer.share];
  ++connections_;
  ++silent_;
  return true;
}

void ConnectionCount::first_byte() {
  change([&] { --silent_; });
}

void ConnectionCount::go(const Peer& peer, bool has_sent_bytes) {
  change([&] {
    if (!has_sent_bytes) --silent_;
    --connections_;
    const auto leave = [&](const std::string& share) {
      const auto found = by_share_.find(share);
      if (--found->second == 0) by_share_.erase(found);
    };
    leave(peer.share);
    if (!peer.wide.empty()) leave(wide_key(peer));
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
