// How check() says that a field breaks a rule.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/ops.h"

namespace vernissage {

// Grid dimensions y and z of a launch end here; rows, samples and layers are laid on them.
inline constexpr int kGridMax = 65535;

/// Holds the name of the operation, so that a rule is one line.
class Rules {
 public:
  explicit Rules(const char* operation) : operation_(operation) {}

  void require(bool holds, const std::string& what) const {
    if (!holds) throw InvalidArgument(std::string(operation_) + ": " + what);
  }
  void pointer(const void* value, const char* field) const {
    require(value != nullptr, std::string(field) + " is null");
  }
  void range(int64_t value, int64_t low, int64_t high, const char* field) const {
    require(value >= low && value <= high, std::string(field) + " is " + std::to_string(value) +
                                               ", expected " + std::to_string(low) + " to " +
                                               std::to_string(high));
  }
  void size(int64_t value, const char* field) const { range(value, 1, INT32_MAX, field); }
  void batch(int n) const { range(n, 1, kGridMax, "n"); }
  /// Pixels of the batch are counted in 32 bits; elements are not.
  void pixels(int64_t n, int64_t h, int64_t w) const {
    range(h, 1, kGridMax, "h");
    range(w, 1, kGridMax, "w");
    require(n * h * w <= INT32_MAX, "n · h · w exceeds 2^31 - 1");
  }

 private:
  const char* operation_;
};

}  // namespace vernissage
