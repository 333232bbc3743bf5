// Any bytes as the JSON body of a claim.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "server/visitors/claim_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  try {
    const auto request = vernissage::visitors::read_json_claim(body);
    // No escape makes a text longer, and nothing else may come from outside.
    if (request.painting.size() + request.plaque.size() > size) std::abort();
    if (!request.visitor.empty() || !request.idempotency_key.empty()) std::abort();
  } catch (const vernissage::ParseError& error) {
    if (error.offset() > size) std::abort();
  }
  return 0;
}
