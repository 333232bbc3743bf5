#include "server/images/painted.h"

namespace vernissage {

std::vector<Image> paint_images(Generator& generator, std::span<const float> ws,
                                const Noise& noise) {
  const NetworkConfig& config = generator.config();
  std::vector<Image> images;
  for (std::vector<uint8_t>& pixels : generator.paint_each(ws, noise))
    images.push_back(
        {config.resolution, config.resolution, config.image_channels, std::move(pixels)});
  return images;
}

}  // namespace vernissage
