// HTTP as plain values: what a handler gets and gives. No socket and no library in sight, so a test
// calls a handler like any function.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vernissage::http {

using Field = std::pair<std::string, std::string>;

/// True when the two names are the same field name (ASCII case does not matter).
bool same_name(std::string_view a, std::string_view b);

struct Request {
  std::string method;         // as sent: "GET"
  std::string path;           // "/rooms/city": as sent, not decoded; what is behind '?' is `query`
  std::string query;          // without '?'
  std::vector<Field> fields;  // in order
  std::string body;
  std::string id;    // made by the server, in every answer and log line
  std::string peer;  // who is at the other end: "192.0.2.7", "2001:db8::1"; empty: a Unix socket
  std::stop_token left;  // stopped when the one who asked leaves before the answer is there

  /// The first field of that name.
  std::optional<std::string_view> field(std::string_view name) const;
  bool is_head() const { return method == "HEAD"; }
};

/// A body that comes into being while it is sent. The connection pulls: it asks for a piece, sends
/// all of it, then asks again, so a slow reader slows the writer and never more than one piece
/// waits. An answer with a stream is the last one on its connection.
class BodyStream {
 public:
  /// Gives the next piece (empty ones are skipped), or nothing: the body has ended. May be called
  /// once for each next(), from any thread, at once or later; may also be dropped unused, which
  /// cuts the connection off, so that the reader sees a body without its end.
  using Deliver = std::function<void(std::optional<std::string> piece)>;

  virtual ~BodyStream() = default;
  /// Never called again before the last Deliver was used, nor after a body's end or cancel().
  virtual void next(Deliver deliver) = 0;
  /// The reader is gone, too slow, or the server closes: give up the work. Called at most once, on
  /// a thread of the server, and not after the body's end; a Deliver still open leads nowhere.
  virtual void cancel() noexcept = 0;
};

struct Response {
  int status = 200;
  std::vector<Field> fields;
  std::string body;    // for HEAD too: the transport leaves it out and keeps its length
  bool close = false;  // end the connection after this answer
  std::shared_ptr<BodyStream> stream = nullptr;  // in place of `body`

  /// Replaces the field of that name, or adds it.
  Response& set(std::string_view name, std::string value);
  std::optional<std::string_view> field(std::string_view name) const;
};

/// "Not Found" for 404; "" for a status this server never sends.
std::string_view reason_phrase(int status);

/// The right to answer one request, from any thread, once. A Reply that is dropped unanswered
/// answers 500 by itself, so no request is ever left hanging.
class Reply {
 public:
  explicit Reply(std::function<void(Response)> deliver);
  /// The first call delivers; later calls are our own bug.
  void operator()(Response response) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Answers at once or later.
using Handler = std::function<void(const Request&, Reply)>;

}  // namespace vernissage::http
