// The full-width golden generators of golden/stylegan2/big: no weights are stored, every tensor is
// a piece of one gaussian stream that the json describes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/formats/network.h"
#include "tests/support/json.h"

namespace vernissage::testing {

/// The network of big/<name>.json ("f256", "f1024"). Every tensor's first values and sum are
/// compared with those listed; throws Error naming the first tensor that differs. Takes about a
/// second.
Network big_network(const std::string& name);

/// One stored picture: its latent, w, crops and layer samples.
struct BigPicture {
  std::vector<float> z, w;
  std::vector<float> crops;  // (count, channels, size, size)
  struct Layer {
    std::vector<int64_t>
        index;  // into the flat (C, R, R) value; empty where only statistics are stored
    std::vector<float> value;
    double mean, deviation, largest;
  };
  std::map<std::string, Layer> layers;  // "b8.conv0", "b8.img", …
};

struct BigGolden {
  int crop_size;
  std::vector<std::pair<int, int>> crop_corners;  // y, x
  std::vector<BigPicture> pictures;
};
BigGolden big_golden(const std::string& name);

}  // namespace vernissage::testing
