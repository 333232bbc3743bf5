#include "server/http/framing.h"

#include "server/http/limits.h"
#include "server/http/message.h"

namespace vernissage::http {
namespace {

// "gallery.example:8080" of "http://gallery.example:8080/studio"; empty for any other form.
std::string_view authority_of_target(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!same_name(target.substr(0, scheme.size()), scheme)) continue;
    const std::string_view rest = target.substr(scheme.size());
    return rest.substr(0, rest.find_first_of("/?"));
  }
  return {};
}

Refusal bad(std::string detail) {
  return {400, std::move(detail)};
}

bool is_token(std::string_view text) {
  for (const char c : text) {
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!alphanumeric && std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos)
      return false;
  }
  return !text.empty();
}

bool is_visible_ascii(std::string_view text) {
  for (const char c : text)
    if (c < 0x21 || c > 0x7e) return false;
  return true;
}

// Field values: visible characters, blanks, and bytes from 0x80 up (RFC 9110, 5.5).
bool is_field_value(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return false;
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_host(std::string_view text) {
  for (const char c : text) {
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!alphanumeric && std::string_view(".-_:[]").find(c) == std::string_view::npos) return false;
  }
  return !text.empty() && text.size() <= 255;
}

std::optional<Refusal> check_request_line(std::string_view line, bool* is_1_1,
                                          std::string_view* authority) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return bad("the request line is not: method, target, version");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method)) return bad("the method is not a token");
  if (target.size() > kTargetBytesMax)
    return Refusal{414, "the target is longer than " + std::to_string(kTargetBytesMax) + " bytes"};
  if (!is_visible_ascii(target)) return bad("the target holds a byte outside visible ASCII");
  *authority = authority_of_target(target);
  const std::string_view path = path_of_target(target);
  if (path.empty() || path.front() != '/') return bad("the target is not a path");
  if (target.find_first_of("#\\") != std::string_view::npos)
    return bad("the target holds a character that no path has");
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return Refusal{505, "the version is neither HTTP/1.1 nor HTTP/1.0"};
  *is_1_1 = version == "HTTP/1.1";
  return std::nullopt;
}

std::optional<Refusal> read_content_length(std::string_view value, size_t* length) {
  if (value.empty()) return bad("Content-Length is not a number");
  size_t parsed = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return bad("Content-Length is not a number");
    // Stops growing past the limit: no overflow, whatever the digits.
    if (parsed <= kBodyBytesMax) parsed = parsed * 10 + static_cast<size_t>(c - '0');
  }
  if (parsed > kBodyBytesMax)
    return Refusal{413, "the body is longer than " + std::to_string(kBodyBytesMax) + " bytes"};
  *length = parsed;
  return std::nullopt;
}

// What the fields seen so far amount to.
struct Tally {
  size_t fields = 0;
  size_t hosts = 0;
  size_t content_lengths = 0;
};

std::optional<Refusal> check_field(std::string_view line, std::string_view authority, Tally* tally,
                                   Head* head) {
  if (line.front() == ' ' || line.front() == '\t') return bad("a folded header line");
  if (++tally->fields > kFieldCountMax)
    return Refusal{431, "more than " + std::to_string(kFieldCountMax) + " header fields"};
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return bad("a header line without a colon");
  const std::string_view name = line.substr(0, colon);
  if (!is_token(name)) return bad("a header field's name is not a token");
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (!is_field_value(value)) return bad("a header field's value holds a control character");

  if (same_name(name, "Transfer-Encoding"))
    return bad("transfer codings are not accepted: send Content-Length");
  if (same_name(name, "Expect")) return Refusal{417, "no expectation is met here"};
  if (same_name(name, "Host")) {
    if (++tally->hosts > 1) return bad("more than one Host");
    if (!is_host(value)) return bad("Host is not a host name");
    if (!authority.empty() && !same_name(value, authority))
      return bad("the target is of another host than Host names");
  }
  if (same_name(name, "Content-Length")) {
    if (++tally->content_lengths > 1) return bad("more than one Content-Length");
    return read_content_length(value, &head->content_length);
  }
  return std::nullopt;
}

}  // namespace

std::string_view path_of_target(std::string_view target) {
  const std::string_view authority = authority_of_target(target);
  if (authority.empty()) return target;
  target.remove_prefix(static_cast<size_t>(authority.data() - target.data()) + authority.size());
  return target.empty() ? "/" : target;
}

std::optional<Refusal> check_head(std::string_view head, Head* passed) {
  if (head.size() > kHeaderBytesMax)
    return Refusal{431, "the header is longer than " + std::to_string(kHeaderBytesMax) + " bytes"};
  *passed = {};
  Tally tally;
  bool is_1_1 = false;
  std::string_view authority;  // of a target in absolute form
  bool first = true;
  while (true) {
    const size_t end = head.find_first_of("\r\n");
    if (end == std::string_view::npos || head.substr(end, 2) != "\r\n")
      return bad("a header line does not end with CR LF");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (first) {
      if (auto refusal = check_request_line(line, &is_1_1, &authority)) return refusal;
      first = false;
      continue;
    }
    if (line.empty()) break;
    if (auto refusal = check_field(line, authority, &tally, passed)) return refusal;
  }
  if (!head.empty()) return bad("bytes behind the empty line");
  if ((is_1_1 || !authority.empty()) && tally.hosts == 0) return bad("no Host");
  return std::nullopt;
}

Refusal refuse_endless_head(std::string_view bytes) {
  // The line may be cut off by the limit: its target then runs to the end of what there is.
  const std::string_view line = bytes.substr(0, bytes.find("\r\n"));
  const size_t first = line.find(' ');
  if (first != std::string_view::npos) {
    const std::string_view rest = line.substr(first + 1);
    if (rest.substr(0, rest.find(' ')).size() > kTargetBytesMax)
      return {414, "the target is longer than " + std::to_string(kTargetBytesMax) + " bytes"};
  }
  return {431, "the header is longer than " + std::to_string(kHeaderBytesMax) + " bytes"};
}

}  // namespace vernissage::http
