// Any bytes as a pickle, then as the pickled checkpoint of any kind that they resemble.
#include <cstdint>
#include <span>

#include "base/error.h"
#include "weights_tools/checkpoint_bytes.h"
#include "weights_tools/containers/pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  for (const bool persistent_ids : {false, true}) {
    try {
      vernissage::parse_pickle(bytes, {.persistent_ids = persistent_ids});
    } catch (const vernissage::ParseError&) {
    }
  }
  // What no tensor of a state dict tells.
  const vernissage::GeneratorOptions told = {.conv_clamp = 256,
                                             .mapping_lr_multiplier = 0.01f,
                                             .activation = vernissage::Activation::lrelu};
  for (const auto& options : {vernissage::GeneratorOptions{}, told}) {
    for (const auto choice :
         {vernissage::NetworkChoice::average, vernissage::NetworkChoice::trained}) {
      try {
        vernissage::read_foreign_checkpoint(bytes, choice, options);
      } catch (const vernissage::Error&) {
      }
    }
  }
  return 0;
}
