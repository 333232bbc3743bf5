#include "server/http/caching.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/error.h"

namespace vernissage::http {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// If-None-Match compares weakly: W/"x" names "x" too. Our tags hold no comma, so a plain split
// does.
bool names_tag(std::string_view list, std::string_view etag) {
  if (trimmed(list) == "*") return true;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string_view tag = trimmed(list.substr(0, comma));
    if (tag.substr(0, 2) == "W/") tag.remove_prefix(2);
    if (tag == etag) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

// Nothing for text that is not digits. Numbers past 2^53 are cut there: beyond any body.
std::optional<uint64_t> read_number(std::string_view text) {
  if (text.empty()) return std::nullopt;
  uint64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = std::min(number * 10 + static_cast<uint64_t>(c - '0'), uint64_t{1} << 53);
  }
  return number;
}

struct ByteRange {
  uint64_t first, last;  // last inclusive; first > last: unsatisfiable
};

// "bytes=0-99", "bytes=100-", "bytes=-100", and only one of them; nothing for anything else.
std::optional<ByteRange> read_range(std::string_view text, uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (text.substr(0, kUnit.size()) != kUnit) return std::nullopt;
  text.remove_prefix(kUnit.size());
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view from = trimmed(text.substr(0, dash));
  const std::string_view to = trimmed(text.substr(dash + 1));
  const auto first = read_number(from);
  const auto last = read_number(to);
  if (from.empty()) {
    if (!last) return std::nullopt;
    if (*last == 0 || size == 0) return ByteRange{1, 0};
    return ByteRange{size - std::min(*last, size), size - 1};
  }
  if (!first || (!to.empty() && !last)) return std::nullopt;
  if (last && *last < *first) return std::nullopt;
  if (*first >= size) return ByteRange{1, 0};
  return ByteRange{*first, last ? std::min(*last, size - 1) : size - 1};
}

}  // namespace

std::string etag_of(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int digest_bytes = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest, &digest_bytes, EVP_sha256(), nullptr) != 1)
    throw Error("OpenSSL refused to compute a SHA-256");
  constexpr char kHex[] = "0123456789abcdef";
  std::string tag = "\"";
  for (int i = 0; i < 16; ++i) {
    tag += kHex[digest[i] >> 4];
    tag += kHex[digest[i] & 15];
  }
  return tag + '"';
}

std::string etag_of_digest(std::string_view sha256) {
  VERNISSAGE_ASSERT_OP(sha256.size(), ==, 64u);
  return '"' + std::string(sha256.substr(0, 32)) + '"';
}

Response conditional(const Request& request, Response whole, bool ranges) {
  if (whole.status != 200) return whole;
  VERNISSAGE_ASSERT(whole.field("ETag").has_value());
  const std::string etag(*whole.field("ETag"));  // a copy: the fields are about to move
  if (ranges) whole.set("Accept-Ranges", "bytes");

  // A list may stand on several lines (RFC 9110, 5.3).
  const bool named =
      std::any_of(request.fields.begin(), request.fields.end(), [&](const Field& field) {
        return same_name(field.first, "If-None-Match") && names_tag(field.second, etag);
      });
  if (named) {
    whole.status = 304;
    whole.body.clear();
    std::erase_if(whole.fields,
                  [](const Field& field) { return same_name(field.first, "Content-Type"); });
    return whole;
  }

  const auto wanted = request.field("Range");
  if (!ranges || !wanted || request.method != "GET") return whole;
  // If-Range compares strongly and never matches a date here: we send no Last-Modified.
  if (const auto tag = request.field("If-Range"); tag && *tag != etag) return whole;
  const uint64_t size = whole.body.size();
  const auto range = read_range(*wanted, size);
  if (!range) return whole;
  if (range->first > range->last) {
    whole.status = 416;
    whole.body.clear();
    return whole.set("Content-Range", "bytes */" + std::to_string(size));
  }
  whole.status = 206;
  whole.set("Content-Range", "bytes " + std::to_string(range->first) + "-" +
                                 std::to_string(range->last) + "/" + std::to_string(size));
  whole.body = whole.body.substr(range->first, range->last - range->first + 1);
  return whole;
}

}  // namespace vernissage::http
