// A number for a text, the same on every machine: to order and to divide a data set by names.
#pragma once

#include <cstdint>
#include <string_view>

#include "training/dataset/painter/sheet/random.h"

namespace vernissage::training {

/// FNV-1a (Fowler, Noll, Vo), mixed. Not for secrets.
inline uint64_t text_hash(std::string_view text, uint64_t start = 0) {
  uint64_t hash = 0xcbf29ce484222325 ^ start;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return mixed(hash);
}

}  // namespace vernissage::training
