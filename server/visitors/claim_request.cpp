#include "server/visitors/claim_request.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/json.h"

namespace vernissage::visitors {
namespace {

constexpr size_t kFormPairsMax = 8;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// `offset`: where `text` begins in what was sent.
std::string decoded(std::string_view text, size_t offset) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) throw ParseError(offset + i, "'%' without two hexadecimal digits");
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> read_pairs(std::string_view text,
                                                            size_t pairs_max) {
  std::vector<std::pair<std::string, std::string>> pairs;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find('&', at), text.size());
    const std::string_view pair = text.substr(at, end - at);
    if (!pair.empty()) {
      if (pairs.size() == pairs_max)
        throw ParseError(at, "more than " + std::to_string(pairs_max) + " fields");
      const size_t equals = std::min(pair.find('='), pair.size());
      const size_t value = std::min(equals + 1, pair.size());
      pairs.emplace_back(decoded(pair.substr(0, equals), at),
                         decoded(pair.substr(value), at + value));
    }
    at = end + 1;
  }
  return pairs;
}

gallery::ClaimRequest read_json_claim(std::string_view body) {
  gallery::ClaimRequest request;
  std::set<std::string> seen;
  JsonReader reader(body);
  reader.object([&](const std::string& key, uint64_t at) {
    if (key != "painting" && key != "plaque")
      throw ParseError(at, "expected the members \"painting\" and \"plaque\" only");
    if (!seen.insert(key).second) throw ParseError(at, "a member stands there twice");
    (key == "painting" ? request.painting : request.plaque) = reader.string();
  });
  reader.end();
  if (!seen.contains("painting")) throw ParseError(body.size(), "expected a member \"painting\"");
  return request;
}

gallery::ClaimRequest read_form_claim(std::string_view body, std::string& token) {
  gallery::ClaimRequest request;
  std::set<std::string> seen;
  for (auto& [name, value] : read_pairs(body, kFormPairsMax)) {
    std::string* const field = name == "painting"  ? &request.painting
                               : name == "plaque"  ? &request.plaque
                               : name == "request" ? &request.idempotency_key
                               : name == "token"   ? &token
                                                   : nullptr;
    if (!field) throw ParseError(0, "the form has a field that is not ours");
    if (!seen.insert(name).second) throw ParseError(0, "the form has a field twice");
    *field = std::move(value);
  }
  if (!seen.contains("painting")) throw ParseError(body.size(), "the form names no painting");
  return request;
}

bool is_idempotency_key(std::string_view text) {
  return !text.empty() && text.size() <= gallery::kIdempotencyKeyBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace vernissage::visitors
