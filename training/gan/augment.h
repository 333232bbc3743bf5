// Adaptive augmentation of what the discriminator sees, real pictures and painted ones alike, so
// that it cannot learn a small data set by heart. Source: Karras et al. 2020, "Training Generative
// Adversarial Networks with Limited Data", section 3 and appendix B: its geometric and colour
// transforms in their order and strengths, without image-space filtering, cutout and noise.
// Pictures are resampled bilinearly, with the border mirrored, where the paper resamples by
// wavelets.
#pragma once

#include <ATen/ATen.h>

namespace vernissage::training {

struct AugmentOptions {
  double target = 0;      // of E[sign D(real)]; 0: no augmentation. The paper's: 0.6
  int interval = 4;       // steps between two changes of p
  double images = 100e3;  // in so many p can get from 0 to 1
};

/// The transforms of a batch, one row each. At p = 0 all are the identity.
struct Augmentation {
  at::Tensor geometry;  // (N, 2, 3): output pixel → input pixel, both in -1 … 1 across the picture
  at::Tensor colour;  // (N, 3, 4): RGB in -1 … 1 → RGB, the last column added

  Augmentation slice(int64_t begin, int64_t end) const;
};

/// Each transform with probability p (rotations before and after the stretch: 1 - √(1 - p) each).
/// Draws from the device's default generator.
Augmentation draw_augmentation(int64_t n, int side, double p, at::Device device);

/// images (N, 3, R, R) → the same shape; differentiable in images.
at::Tensor augmented(const at::Tensor& images, const Augmentation& augmentation);

/// p's controller: rises while the discriminator is too sure of real pictures, falls while it is
/// not.
class AugmentControl {
 public:
  explicit AugmentControl(const AugmentOptions& options) : options_(options) {}

  bool is_on() const { return options_.target > 0; }
  double p() const { return p_; }
  /// Mean of sign D(real) in the last whole interval.
  double sureness() const { return sureness_; }
  /// Of one step: Σ sign D(real) over `n` pictures.
  void add(double signs, int64_t n);

  /// (5) float32: p, sureness, Σ, n, steps; every value is one that float32 holds.
  at::Tensor state() const;
  void restore(const at::Tensor& state);

 private:
  AugmentOptions options_;
  float p_ = 0, sureness_ = 0, signs_ = 0, pictures_ = 0, steps_ = 0;
};

}  // namespace vernissage::training
