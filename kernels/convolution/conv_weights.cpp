#include "kernels/convolution/conv_weights.h"

#include <cstddef>

#include "base/error.h"

namespace vernissage {
namespace {

/// Calls f(p, index into the stored filter) for every weight row p that reaches offset k.
template <class F>
void for_each_meeting(int k, const F& f) {
  for (int p = 0; p < 3; ++p) {
    const int mirrored = p - k + 1;
    if (mirrored >= 0 && mirrored < 4) f(p, 3 - mirrored);
  }
}

}  // namespace

std::vector<float> compose_up_weight(std::span<const float> weight, int out, int in,
                                     std::span<const float> filter, float gain) {
  VERNISSAGE_ASSERT_OP(weight.size(), ==, static_cast<size_t>(out) * 9 * static_cast<size_t>(in));
  VERNISSAGE_ASSERT_OP(filter.size(), ==, size_t{16});
  const auto width = static_cast<size_t>(in);
  std::vector<float> composed(weight.size() * 4);
  std::vector<double> sums(width);
  float* place = composed.data();
  for (int phase = 0; phase < 4; ++phase) {
    for (int o = 0; o < out; ++o) {
      for (int tap = 0; tap < 9; ++tap) {
        sums.assign(width, 0.0);
        for_each_meeting(phase / 2 - 2 * (tap / 3 - 1), [&](int p, int filter_row) {
          for_each_meeting(phase % 2 - 2 * (tap % 3 - 1), [&](int q, int filter_column) {
            const double f =
                double{gain} * filter[static_cast<size_t>(filter_row * 4 + filter_column)];
            const float* row =
                weight.data() +
                (static_cast<size_t>(o) * 9 + static_cast<size_t>(p * 3 + q)) * width;
            for (size_t i = 0; i < width; ++i) sums[i] += f * row[i];
          });
        });
        for (const double sum : sums) *place++ = static_cast<float>(sum);
      }
    }
  }
  return composed;
}

}  // namespace vernissage
