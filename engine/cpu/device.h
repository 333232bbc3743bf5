// What oneDNN says of itself and of the processor, as words for users.
#pragma once

#include <string>

namespace vernissage::cpu {

/// "2.6.3"
std::string onednn_version();
/// The widest instructions oneDNN uses here: "avx512_core_bf16", "avx2", …
std::string isa_name();

}  // namespace vernissage::cpu
