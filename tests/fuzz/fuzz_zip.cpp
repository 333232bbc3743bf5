// Any bytes as a zip archive, then as the checkpoint of torch that they resemble.
#include <cstdint>
#include <span>

#include "base/error.h"
#include "weights_tools/checkpoint_bytes.h"
#include "weights_tools/containers/zip_archive.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const vernissage::ZipArchive zip(bytes);
    for (const auto& [name, entry] : zip.entries()) {
      try {
        vernissage::ZipArchive::checked(name, entry);
      } catch (const vernissage::ParseError&) {
      }
    }
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
