// Any bytes as a query, and as the form of a claim. What is read, written again with everything
// encoded, reads as the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "server/visitors/claim_request.h"

namespace {

std::string encoded(const std::string& text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto pairs = vernissage::visitors::read_pairs(text, 64);
    std::string again;
    for (const auto& [name, value] : pairs) again += encoded(name) + "=" + encoded(value) + "&";
    if (vernissage::visitors::read_pairs(again, 64) != pairs) std::abort();
  } catch (const vernissage::ParseError& error) {
    if (error.offset() > size) std::abort();
  }
  try {
    std::string token;
    const auto request = vernissage::visitors::read_form_claim(text, token);
    if (request.painting.size() + request.plaque.size() > size) std::abort();
    vernissage::visitors::is_idempotency_key(request.idempotency_key);
  } catch (const vernissage::ParseError&) {
  }
  return 0;
}
