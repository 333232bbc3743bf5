// Any bytes as a text: whatever it holds, its ids are a text of this vocabulary, and cleaning what
// is clean finds no bytes that are not UTF-8.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/clip/text/unicode.h"
#include "engine/clip/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const vernissage::Tokenizer tokenizer = [] {
    vernissage::ClipNetwork network;
    network.config.context = 16;
    network.merges = {"t h", "th e</w>", "a n"};
    network.config.vocabulary = 517;
    return vernissage::Tokenizer(network);
  }();
  // References inside each other (&amp;amp;…) take time that grows with the square of their number.
  constexpr size_t kTextMax = 1024;
  if (size > kTextMax) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto ids = tokenizer.encode(text);
  bool sound = ids.size() >= 2 && ids.size() <= 16 && ids.front() == 515 && ids.back() == 516;
  for (const int32_t id : ids) sound = sound && id >= 0 && id < 517;
  const std::string clean = vernissage::clean_text(text);
  sound = sound && vernissage::encode_utf8(vernissage::decode_utf8(clean)) == clean;
  sound = sound && tokenizer.length(text) >= ids.size();
  if (!sound) std::abort();
  return 0;
}
