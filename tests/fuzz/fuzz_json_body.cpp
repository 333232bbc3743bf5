// Any bytes as the JSON body of a claim.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "server/visitors/wish.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  try {
    const auto wish = vernissage::visitors::read_json_wish(body);
    // No escape makes a text longer, and nothing else may come from outside.
    if (wish.painting.size() + wish.plaque.size() > size) std::abort();
    if (!wish.token.empty() || !wish.idempotency_key.empty()) std::abort();
  } catch (const vernissage::ParseError& error) {
    if (error.offset() > size) std::abort();
  }
  return 0;
}
