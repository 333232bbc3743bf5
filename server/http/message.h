// HTTP as plain values: what a handler gets and gives. No socket and no library in sight, so a test
// calls a handler like any function.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
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
  std::string id;  // made by the server, in every answer and log line

  /// The first field of that name.
  std::optional<std::string_view> field(std::string_view name) const;
  bool is_head() const { return method == "HEAD"; }
};

struct Response {
  int status = 200;
  std::vector<Field> fields;
  std::string body;    // for HEAD too: the transport leaves it out and keeps its length
  bool close = false;  // end the connection after this answer

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
