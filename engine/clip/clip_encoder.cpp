#include "engine/clip/clip_encoder.h"

#include "base/error.h"
#include "engine/stylegan2/generator.h"

namespace vernissage {

std::vector<float> ClipEncoder::embed_painted(Generator& generator, std::span<const float> ws,
                                              const Noise& noise) {
  const NetworkConfig& config = generator.config();
  if (config.image_channels != 3)
    throw Error("the generator's pictures have " + std::to_string(config.image_channels) +
                " channels, expected 3: words are compared with colour pictures");
  const size_t row = size_t(config.num_ws()) * size_t(config.w_dim);
  if (ws.empty() || ws.size() % row != 0)
    throw Error("ws: expected a multiple of " + std::to_string(row) + " values, got " +
                std::to_string(ws.size()));
  return embed_images(static_cast<int>(ws.size() / row), config.resolution, config.resolution,
                      generator.paint(ws, noise));
}

int ClipEncoder::end_of(const std::vector<int32_t>& text, size_t index) const {
  const std::string name = "text " + std::to_string(index);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] < 0 || text[i] >= config_.vocabulary)
      throw Error(name + ": token " + std::to_string(text[i]) + ", expected 0 to " +
                  std::to_string(config_.vocabulary - 1));
    if (text[i] != config_.end_token()) continue;
    if (i >= size_t(config_.context))
      throw Error(name + ": " + std::to_string(i + 1) + " tokens, at most " +
                  std::to_string(config_.context) + " are read");
    return static_cast<int>(i);
  }
  throw Error(name + ": without its end, token " + std::to_string(config_.end_token()));
}

}  // namespace vernissage
