// Claims as they happen, to everybody who listens: server-sent events (HTML Standard, 9.2).
//
// A listener is a place in the claim log and nothing more: when its connection takes more, it is
// given what came since. So a slow reader costs no memory and misses nothing, and a reader that was
// away goes on where it stopped (Last-Event-ID).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/timer.h"
#include "server/gallery/gallery.h"
#include "server/http/message.h"

namespace vernissage::live {

inline constexpr size_t kListenersMax = 512;
inline constexpr std::chrono::milliseconds kHeartbeatMs{15000};
/// Who missed more is told to read the state instead.
inline constexpr int64_t kMissedMax = 1000;

/// Safe to call from several threads. Streams may outlive it; they end then.
class Events {
 public:
  struct Limits {
    size_t listeners_max = kListenersMax;
    std::chrono::milliseconds heartbeat = kHeartbeatMs;
  };

  /// Listens to gallery.claims(), for the life of the gallery. The gallery outlives every stream.
  Events(gallery::Gallery& gallery, std::shared_ptr<Timer> timer, Limits limits);
  /// close()
  ~Events();
  Events(const Events&) = delete;

  /// The events behind `last_seen`; without one, those from now on, after a "hello". Nothing: too
  /// many listen already.
  std::shared_ptr<http::BodyStream> open(std::optional<int64_t> last_seen);

  size_t listeners() const;

  /// Ends every stream; none is opened after.
  void close();

 private:
  class Hub;
  class Listener;
  std::shared_ptr<Hub> hub_;
};

/// The number in a Last-Event-ID; nothing for any other text.
std::optional<int64_t> read_event_id(std::string_view text);

}  // namespace vernissage::live
