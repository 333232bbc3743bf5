// The curator's training: pictures and their captions, brought together.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "training/clip/captioned_pictures.h"
#include "training/clip/model.h"
#include "training/clip/words.h"
#include "training/dataset/training_seeds.h"
#include "training/gan/state_files.h"

namespace vernissage::training {

struct CuratorOptions {
  ClipConfig config;                                  // vocabulary follows from the merges
  CaptionedPictures pictures = painter_pictures(64);  // captions for step()
  int batch = 128;
  double rate = 1e-3;         // of AdamW at its highest
  double weight_decay = 0.1;  // of matrices; vectors have none
  int64_t images = 200'000;   // of the whole training; the rate falls to zero along a cosine
  int64_t warmup_images = 12'800;
  at::Device device = at::kCPU;
};

/// Steps one batch at a time. What step k sees and draws is a function of k alone, so that a run
/// that was stopped and gone on with is the run that was not.
class CuratorTrainer {
 public:
  CuratorTrainer(const CuratorOptions& options, std::vector<std::string> merges);
  /// Begins with the values of a trained network, whose merges `merges` begins with; what further
  /// merges are called is new. Throws Error naming what differs otherwise.
  CuratorTrainer(const CuratorOptions& options, std::vector<std::string> merges,
                 const ClipNetwork& from);
  /// Goes on from a stored state; only the training's length may be another. Throws Error naming
  /// the options that differ, or a tensor.
  CuratorTrainer(const CuratorOptions& options, const StoredState& state);

  struct Step {
    double loss = 0;
    double rate = 0;
    double scale = 0;  // exp(logit_scale)
  };
  /// rgb: (batch, S, S, 3) bytes, the options' pictures from position images_seen() on.
  Step step(const at::Tensor& rgb);

  int64_t images_seen() const { return images_seen_; }
  StoredState state() const;
  ClipNetwork network() const { return network_of(options_.config, merges_, parameters_); }

 private:
  void update(const std::vector<at::Tensor>& gradients, double rate);
  std::map<std::string, std::string> told() const;

  CuratorOptions options_;
  std::vector<std::string> merges_;
  std::optional<Words> words_;
  ClipTensors parameters_, means_, squares_;
  int64_t images_seen_ = 0;
};

/// Bytes (N, S, S, 3) as floats (N, 3, S, S), each a little mirrored, blurred, tinted and noisy by
/// chance, as a generator's pictures are. Draws from the default generator.
at::Tensor weathered(const at::Tensor& rgb);

}  // namespace vernissage::training
