// A room as it comes into being: one line of JSON a painting (NDJSON), as soon as its previews are
// there, beginning where the visitor stands.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/timer.h"
#include "server/gallery/gallery.h"
#include "server/http/message.h"
#include "server/render/pictures.h"

namespace vernissage::live {

inline constexpr char kRoomMediaType[] = "application/x-ndjson";

struct RoomStreamParts {
  const gallery::Gallery& gallery;
  render::Pictures& pictures;
  std::shared_ptr<Timer> timer;
  std::string client = {};  // as for the render queue
  /// Paintings on their way at once, and lines that wait for the reader: together no more than
  /// this. A reader that takes nothing has nothing painted.
  size_t window = 6;
};

/// The paintings of `room` from place `first` on to its end, then those before it. A line:
///   {"id":…,"place":…,"title":…,"alt":…,"taken":…,"previews":[…]}
/// `place` is its bit in the state; a painting that could not be painted has no "previews".
/// Cancelled, it takes back what it asked for.
std::shared_ptr<http::BodyStream> open_room_stream(RoomStreamParts parts, const gallery::Room& room,
                                                   size_t first);

}  // namespace vernissage::live
