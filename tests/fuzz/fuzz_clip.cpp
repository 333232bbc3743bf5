// Any bytes as what a CLIP checkpoint consists of: the first byte says which of its files.
#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"
#include "engine/clip/clip_network.h"
#include "tests/fuzz/written_file.h"
#include "weights_tools/readers/clip/builder.h"
#include "weights_tools/readers/clip/config_files.h"
#include "weights_tools/readers/clip/vocabulary.h"
#include "weights_tools/readers/clip/weights.h"

namespace {

void read_weights(std::span<const std::byte> bytes) {
  vernissage::ClipWeights::recognises(bytes);
  const vernissage::ClipWeights weights(bytes);
  vernissage::ClipBuilder builder(weights.tensors(), bytes.size());
  vernissage::ClipConfig config = builder.shapes();
  config.vision.heads = config.text.heads = 1;
  builder.build(config);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint8_t kind = *data++;
  --size;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    switch (kind) {
      case 'h':
        vernissage::read_hugging_face_config(text);
        break;
      case 'p':
        vernissage::read_preprocessor_config(text, 64);
        break;
      case 'q':
        vernissage::read_processor_config(text, 64);
        break;
      case 'o':
        vernissage::read_open_clip_config(text);
        break;
      case 'v':
        vernissage::read_vocabulary(vernissage::fuzz::WrittenFile(data, size).path(), 516);
        break;
      case 'f':
        vernissage::load_clip(vernissage::fuzz::WrittenFile(data, size).path());
        break;
      default:
        read_weights(std::as_bytes(std::span(data, size)));
    }
  } catch (const vernissage::Error&) {
  }
  return 0;
}
