// Who is connected to a server, as numbers: for its limits, its metrics, and its end, which waits
// for what is under way.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>

#include "server/http/peer.h"

namespace vernissage::http {

/// What an IPv6 /48 may hold, in shares of its /64s: a customer's network is often one of them.
inline constexpr size_t kWideShare = 4;

/// Safe to call from several threads.
class ConnectionCount {
 public:
  /// One more connection, silent as yet. False, and nothing is counted: peer.share has `share_max`
  /// already, peer.wide kWideShare times as many, or all together kConnectionsMax.
  bool come(const Peer& peer, size_t share_max);
  void first_byte();
  void go(const Peer& peer, bool has_sent_bytes);

  /// A request, from its first byte to its answer's last.
  void begin_request();
  void end_request();

  /// Something that may still bring a connection or a request, until it is released.
  void hold();
  void release();

  size_t connections() const;
  size_t requests() const;

  /// Wait until nothing is held and no connection is silent, or no request is under way: true; or
  /// until the time is up: false.
  bool wait_for_first_bytes(std::chrono::milliseconds patience);
  bool wait_for_answers(std::chrono::milliseconds patience);

 private:
  // Runs `change` with the lock, and wakes who waits.
  template <class Change>
  void change(const Change& change_counts);

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<std::string, size_t> by_share_;
  size_t connections_ = 0;
  size_t silent_ = 0;  // of these, without a byte so far
  size_t requests_ = 0;
  size_t held_ = 0;
};

}  // namespace vernissage::http
