#include "server/http/message.h"

#include <algorithm>
#include <atomic>

#include "base/error.h"

namespace vernissage::http {
namespace {

// std::tolower asks the locale; field names are ASCII.
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::optional<std::string_view> find(const std::vector<Field>& fields, std::string_view name) {
  for (const auto& [key, value] : fields)
    if (same_name(key, name)) return value;
  return std::nullopt;
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string_view> Request::field(std::string_view name) const {
  return find(fields, name);
}

std::optional<std::string_view> Response::field(std::string_view name) const {
  return find(fields, name);
}

Response& Response::set(std::string_view name, std::string value) {
  for (auto& [key, old] : fields)
    if (same_name(key, name)) {
      old = std::move(value);
      return *this;
    }
  fields.emplace_back(std::string(name), std::move(value));
  return *this;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 206:
      return "Partial Content";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

struct Reply::State {
  std::function<void(Response)> deliver;
  std::atomic<bool> answered = false;

  ~State() {
    if (answered) return;
    Response response;
    response.status = 500;
    response.close = true;
    deliver(std::move(response));
  }
};

Reply::Reply(std::function<void(Response)> deliver) : state_(std::make_shared<State>()) {
  state_->deliver = std::move(deliver);
}

void Reply::operator()(Response response) const {
  const bool answered_before = state_->answered.exchange(true);
  VERNISSAGE_ASSERT(!answered_before);
  state_->deliver(std::move(response));
}

}  // namespace vernissage::http
