// StyleGAN2's training loop, one step at a time.
// Source: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN"; lazy
// regularisation from its section 3.1; averaged weights from Karras et al. 2018, section 4.
//
// Not for several threads at once. A trainer draws from libtorch's default random generators and
// puts their state into its own: a run that is stored and gone on with takes the very steps of one
// that was never interrupted, bit by bit on one machine's CPU.
#pragma once

#include <cstdint>

#include "training/gan/augment.h"
#include "training/gan/networks/adam.h"
#include "training/gan/networks/losses.h"

namespace vernissage::training {

struct TrainerOptions {
  NetworkConfig network;
  DiscriminatorConfig discriminator;
  int batch = 16;        // N; a multiple of shards
  double rate = 0.0025;  // Adam's, of both networks
  double r1_gamma = 0.2;
  int r1_interval = 16;  // steps
  double path_weight = 2;
  int path_interval = 0;         // steps; 0: no path-length regularisation
  double mixing = 0.9;           // probability of style mixing
  double average_images = 10e3;  // half-life of the averaged weights
  double average_share = 0.05;   // and never longer than this share of what has been seen
  AugmentOptions augment;        // of what the discriminator sees
  int shards = 1;                // threads, each with its part of the batch; 1 on CUDA
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;  // of activations; kBFloat16 on CUDA
  uint64_t seed = 0;
};

/// Means since the last report.
struct TrainingReport {
  double generator_loss = 0, discriminator_loss = 0;
  double logit_real = 0, logit_painted = 0;
  double r1 = 0;  // |∂D/∂x|², without γ
  double path_length = 0;
  double augment_p = 0, sureness = 0;  // now; see AugmentControl
  // Seconds a step, of all steps: the kinds that come now and then are spread over all.
  double step_s = 0, discriminator_s = 0, penalty_s = 0, generator_s = 0, path_s = 0;
};

class Trainer {
 public:
  /// Fresh networks. Throws Error naming an option that is out of range.
  explicit Trainer(const TrainerOptions& options);

  /// One step of both networks. real: (N, R, R, 3) bytes on the CPU.
  void step(const at::Tensor& real);

  int64_t images() const { return images_; }  // real pictures seen
  /// Throws Error when a loss is not finite.
  TrainingReport take_report();

  /// The averaged generator, its w_avg the mean of 16384 mapped latents. Does not disturb the run.
  Network network() const;

  /// Everything the next step depends on, on the CPU; and back. restore() throws Error naming the
  /// first tensor that is missing or of another shape. A state from before augmentation begins at p
  /// = 0.
  std::map<std::string, at::Tensor> state() const;
  void restore(const std::map<std::string, at::Tensor>& state);

 private:
  using Gradients = std::vector<at::Tensor>;

  void train_discriminator(const at::Tensor& images);
  void penalize_gradients(const at::Tensor& images);
  void train_generator();
  void regularize_paths();
  void average();
  void tally(int number, const at::Tensor& value);
  /// The transforms of the next n pictures; undefined without augmentation.
  Augmentation draw_transforms();
  at::Tensor transformed(const at::Tensor& images, const Augmentation& of, int64_t begin,
                         int64_t end) const;

  reference::TorchGenerator generator(const Parameters& parameters) const;
  /// Runs `loss` for every shard's part [begin, end) of n samples on a thread of its own; the mean
  /// of their gradients by `parameters`.
  template <class Loss>
  Gradients gradients(int64_t n, const Parameters& parameters, const Loss& loss) const;

  TrainerOptions options_;
  Parameters generator_, average_, discriminator_;
  Adam generator_adam_, discriminator_adam_;
  at::Tensor path_mean_;  // () moving mean of the path lengths
  AugmentControl augment_;
  int64_t images_ = 0, steps_ = 0;
  TrainingReport times_;     // seconds only, summed since the last report
  int64_t timed_steps_ = 0;  // since the last report
  at::Tensor sums_;  // (6, 2) float64: sum and count of every number of the report, on the device
};

}  // namespace vernissage::training
