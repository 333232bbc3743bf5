// The smooth interpolation from one painting to another, as frames of preview size: never full, as
// its ends are paintings that belong to somebody. Everybody who watches the same interpolation, in
// either direction, sees the same frames, each painted once.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/timer.h"
#include "server/gallery/gallery.h"
#include "server/http/message.h"
#include "server/render/previews.h"
#include "server/render/render_queue.h"

namespace vernissage::live {

inline constexpr size_t kViewersMax = 16;
inline constexpr int kFlowWidthMax = 384;
inline constexpr char kFlowMediaType[] = "multipart/x-mixed-replace; boundary=frame";

/// Safe to call from several threads. Streams may outlive it, but not the gallery and the queue.
class Flow {
 public:
  struct Limits {
    size_t viewers_max = kViewersMax;
    int frames = 61;                          // of an interpolation, both ends included; ≥ 2
    std::chrono::milliseconds frame_ms{80};   // no faster than this
    int ahead = 4;                            // frames asked for before they are needed
    size_t interpolations_kept = 8;           // with their frames, when nobody watches any more
    std::chrono::milliseconds retry_ms{500};  // when the queue had no room
  };

  Flow(
      const gallery::Gallery& gallery, render::RenderQueue& queue, std::shared_ptr<Timer> timer,
      Limits limits, render::OnEncoded on_encoded = [](auto, auto) {});
  ~Flow();

  struct Opened {
    std::shared_ptr<http::BodyStream> stream;  // null: too many watch
    std::chrono::seconds retry_after{0};       // then: when the first of them will be done
  };
  /// The interpolation as kFlowMediaType, once, from its beginning. `from` and `to` are two
  /// paintings.
  Opened open(const gallery::Painting& from, const gallery::Painting& to);

  size_t viewers() const;

 private:
  struct FlowHub;
  class Interpolation;
  class Viewer;
  std::shared_ptr<FlowHub> hub_;
};

/// How far frame i of n is along: slow at both ends, and frame n - 1 - i is as far from the other.
float flow_position(int i, int n);

}  // namespace vernissage::live
