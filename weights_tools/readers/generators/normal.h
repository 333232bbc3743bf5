// Standard normal numbers from a seed, the same on every machine, unlike std::normal_distribution.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

namespace vernissage {

/// N(0, 1) by Marsaglia's polar method from the 32-bit words of a Mersenne twister: of each pair of
/// uniform numbers inside the unit circle the first gives one value.
class NormalStream {
 public:
  explicit NormalStream(uint32_t seed) : engine_(seed) {}

  float next() {
    for (;;) {
      const double x = uniform(), y = uniform();
      const double square = x * x + y * y;
      if (square > 0 && square < 1)
        return static_cast<float>(x * std::sqrt(-2 * std::log(square) / square));
    }
  }

 private:
  double uniform() { return engine_() * (2.0 / 4294967296.0) - 1; }  // [-1, 1)
  std::mt19937 engine_;
};

}  // namespace vernissage
