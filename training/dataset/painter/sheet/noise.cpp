#include "training/dataset/painter/sheet/noise.h"

#include <vector>

#include "training/dataset/painter/sheet/random.h"

namespace vernissage::training {
namespace {

std::vector<float> make_table() {
  std::vector<float> table(kNoiseSide * kNoiseSide, 0.0f);
  float amplitude = 0.7f;
  for (int cells = 8, octave = 0; octave < 4; cells *= 2, ++octave, amplitude *= 0.55f) {
    const auto seed = static_cast<uint32_t>(octave + 1);
    const auto lattice = [&](int x, int y) {
      return 2 * unit(hashed(static_cast<uint32_t>(x % cells), static_cast<uint32_t>(y % cells),
                             seed)) -
             1;
    };
    for (int y = 0; y < kNoiseSide; ++y)
      for (int x = 0; x < kNoiseSide; ++x) {
        const int step = kNoiseSide / cells;
        const float tx = smooth(0, 1, static_cast<float>(x % step) / static_cast<float>(step));
        const float ty = smooth(0, 1, static_cast<float>(y % step) / static_cast<float>(step));
        const int cx = x / step, cy = y / step;
        table[static_cast<size_t>(y * kNoiseSide + x)] +=
            amplitude * mix(mix(lattice(cx, cy), lattice(cx + 1, cy), tx),
                            mix(lattice(cx, cy + 1), lattice(cx + 1, cy + 1), tx), ty);
      }
  }
  return table;
}

}  // namespace

const float* noise_table() {
  static const std::vector<float> table = make_table();
  return table.data();
}

}  // namespace vernissage::training
