// Any bytes as the stream of torch.save before version 1.6, then as the checkpoint in it. The
// stream has no checksums, so this is also where the reader of state dicts is tried.
#include <cstdint>
#include <span>

#include "base/error.h"
#include "weights_tools/checkpoint_bytes.h"
#include "weights_tools/containers/torch_stream.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const vernissage::TorchStream stream(bytes);
    stream.storage(stream.object());
  } catch (const vernissage::ParseError&) {
  }
  // What no tensor of a state dict tells.
  const vernissage::GeneratorOptions told = {.conv_clamp = 256,
                                             .mapping_lr_multiplier = 0.01f,
                                             .activation = vernissage::Activation::lrelu};
  for (const auto& options : {vernissage::GeneratorOptions{}, told}) {
    try {
      vernissage::read_foreign_checkpoint(bytes, vernissage::NetworkChoice::average, options);
    } catch (const vernissage::Error&) {
    }
  }
  return 0;
}
