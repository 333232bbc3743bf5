// Any bytes as safetensors; every tensor of a kind that has float32 values is converted.
#include <cstdint>
#include <span>

#include "base/error.h"
#include "engine/formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const vernissage::Safetensors file(std::as_bytes(std::span(data, size)));
    for (const auto& [name, tensor] : file.tensors()) {
      try {
        tensor.to_f32();
      } catch (const vernissage::Error&) {
      }
    }
  } catch (const vernissage::ParseError&) {
  }
  return 0;
}
