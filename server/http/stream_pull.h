// A body that is sent while it comes into being, as its connection pulls it: piece after piece, and
// whatever ends it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "server/http/mailbox.h"
#include "server/http/message.h"

namespace vernissage::http {

/// What a connection hears while it sends a stream.
struct Turn {
  enum Kind { piece, end, dropped, gone, closing } kind;
  std::string bytes;
};

/// Where the connection runs, but for what is posted to its box.
struct Pull {
  explicit Pull(Post post_job) : box(std::make_shared<Mailbox<Turn>>(std::move(post_job))) {}

  /// Whatever happens wakes who waits for a piece.
  void interrupt(Turn::Kind kind) {
    interrupted = kind;
    box->give({kind, {}});
  }

  /// The way for the next piece. Dropped unused, it says so.
  BodyStream::Deliver deliver() const;

  std::shared_ptr<Mailbox<Turn>> box;
  std::optional<Turn::Kind> interrupted;
  std::array<char, 1024> unread;  // what the reader sends meanwhile, for nobody
  size_t unread_total = 0;
};

/// Ends a stream in every case in which it has not ended by itself, a stopped server included.
struct StreamEnd {
  std::shared_ptr<BodyStream> body;
  std::shared_ptr<Pull> pull;
  bool ended = false;
  ~StreamEnd() {
    pull->box->shut();
    if (!ended) body->cancel();
  }
};

}  // namespace vernissage::http
