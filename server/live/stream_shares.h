// How many streams one client may hold, and for how long: an open stream is a place that others do
// not get.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "server/http/message.h"

namespace vernissage::live {

/// An address may be that of a whole office.
inline constexpr size_t kEventsPerClient = 64;
inline constexpr size_t kRoomsPerClient = 16;
inline constexpr size_t kFlowsPerClient = 4;  // of 16 places in all
inline constexpr std::chrono::hours kEventsLifetime{1};
inline constexpr std::chrono::minutes kPictureStreamLifetime{15};

/// Of one kind of stream. Safe to call from several threads; its streams may outlive it.
class StreamShares {
 public:
  using Clock = std::chrono::steady_clock;

  /// A stream that is older than `lifetime` ends cleanly before its next piece; browsers connect
  /// anew.
  StreamShares(size_t per_client, std::chrono::milliseconds lifetime);

  /// What `open` gives, counted for `client` until it is gone. Null: `client` has its share
  /// already, and `open` was not called; or `open` gave null.
  std::shared_ptr<http::BodyStream> admit(
      const std::string& client, const std::function<std::shared_ptr<http::BodyStream>()>& open);
  /// True when admit() would not even ask.
  bool is_full(const std::string& client) const;

 private:
  class Counts;
  class Counted;
  size_t per_client_;
  std::chrono::milliseconds lifetime_;
  std::shared_ptr<Counts> counts_;
};

}  // namespace vernissage::live
