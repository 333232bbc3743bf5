// Pictures and words to unit vectors in one space. This is the seam: the towers on the CPU
// (oneDNN), on CUDA (cuBLAS and our kernels) and on the emulated kernels stand behind it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "engine/clip/clip_network.h"

namespace vernissage {

class Generator;
struct Noise;

/// Called with values inside a tower, float32 (N, tokens, channels); names as in the golden data:
/// "vision.patch_embed", "vision.embeddings", "vision.pre_ln", "vision.block.3.out",
/// "vision.pooled" (N, 1, W), "text.embeddings", "text.block.0.out", "text.final_ln",
/// "text.pooled".
using ClipTap = std::function<void(const std::string& name, const std::vector<float>& values,
                                   int tokens, int channels)>;

/// One network on one device. Not thread-safe. An embedding depends on (network, input, device)
/// only, never on the batch it was made in.
class ClipEncoder {
 public:
  virtual ~ClipEncoder() = default;

  /// One line for users: what runs, on what, how.
  virtual std::string describe() const = 0;
  const ClipConfig& config() const { return config_; }

  /// n RGB8 pictures (N, height, width, 3) → unit embeddings (N, E): resize_and_crop(),
  /// normalise(), the image tower. Any n ≥ 1, in batches. Throws Error naming a wrong size.
  virtual std::vector<float> embed_images(int n, int height, int width,
                                          std::span<const uint8_t> rgb) = 0;
  /// The tower alone: pixels (N, 3, S, S), already normalised.
  virtual std::vector<float> embed_pixels(int n, std::span<const float> pixels) = 0;
  /// Texts as Tokenizer::encode() gives them → unit embeddings (N, E). Throws Error for an id out
  /// of range or a text without its end.
  virtual std::vector<float> embed_tokens(std::span<const std::vector<int32_t>> texts) = 0;

  /// Paints ws (N, num_ws, W) and embeds the pictures. Where generator and encoder share a CUDA
  /// device the pixels never leave it; elsewhere this is paint() followed by embed_images(). The
  /// pixels are the same.
  virtual std::vector<float> embed_painted(Generator& generator, std::span<const float> ws,
                                           const Noise& noise);

  /// Shows the values inside the towers from now on; null: no more. Slow; for tests and inspection.
  virtual void set_tap(ClipTap tap) = 0;

 protected:
  explicit ClipEncoder(const ClipConfig& config) : config_(config) {}

  /// Where the text ends: the position of its first end token. Throws Error naming `index` when
  /// there is none within the context or an id before it is out of range.
  int end_of(const std::vector<int32_t>& text, size_t index) const;

 private:
  ClipConfig config_;
};

/// device, precision, threads as for make_backend(). batch_max: pictures or texts in one pass;
/// memory for them is taken here. Throws Error.
std::unique_ptr<ClipEncoder> make_clip_encoder(const ClipNetwork& network,
                                               const std::string& device, Precision precision,
                                               int threads, int batch_max);

}  // namespace vernissage
