// CLIP on CUDA: cuBLAS for the products, our own kernels for everything between them.
#pragma once

#include <memory>

#include "engine/clip/clip_encoder.h"

namespace vernissage {

/// What measurements ask for beside embeddings.
class CudaClip : public ClipEncoder {
 public:
  /// Samples of every pass through the image tower.
  virtual int pictures_of_pass() const = 0;
  /// Enqueues the image tower on the pictures of the last pass once more and returns; their
  /// embeddings stay on the device.
  virtual void embed_again() = 0;

 protected:
  using ClipEncoder::ClipEncoder;
};

/// On the first CUDA device. f16: what the products read is half, sums, norms, softmax and the
/// residual stream are float32; f32: all float32. Pictures and texts go through in passes of a size
/// that follows from the network alone, a last one filled up: cuBLAS chooses its kernels by shape,
/// so that embeddings would otherwise depend on their batch. batch_max, ≥ 1, therefore decides
/// nothing here. Throws Error for a network that check() refuses, for widths beyond the kernels'
/// rules, "no CUDA driver", "no CUDA device: …", and without cuBLAS.
std::unique_ptr<CudaClip> make_cuda_clip_encoder(const ClipNetwork& network, Precision precision,
                                                 int batch_max);

}  // namespace vernissage
