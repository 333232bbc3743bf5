// How good a generator is, measured against pictures it has not seen.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <vector>

namespace vernissage::training {

/// Pictures (n, R, R, 3) bytes → features (n, D) float64. Throws Error unless R is a multiple
/// of 64.
using Features = std::function<at::Tensor(const at::Tensor& pictures)>;

/// A space that nobody trained, the same on every machine up to rounding: four convolutions of
/// random normal weights (seed 1) with ReLU on pictures of 64x64, halving each time; the means of
/// the first three over the picture (16, 32, 64) and the fourth (64) over each quarter of it: D =
/// 368.
at::Tensor random_features(const at::Tensor& pictures);

/// |μ₁ - μ₂|² + tr(C₁ + C₂ - 2 (C₁ C₂)^½) of the normal distributions with the means and
/// covariances of the rows. Source: Heusel et al. 2017, equation 6 (there of Inception's features).
double frechet_distance(const at::Tensor& features1, const at::Tensor& features2);

/// Precision: the share of `painted` inside the real pictures' manifold, which is the union of
/// spheres around each real one that reach its k-th nearest real neighbour. Recall: the other way
/// round. Source: Kynkäänniemi et al. 2019, section 2. features: (n, D) float64.
struct PrecisionRecall {
  double precision = 0, recall = 0;
};
PrecisionRecall precision_recall(const at::Tensor& painted, const at::Tensor& real, int64_t k = 3);

/// How evenly the pictures change on straight ways between pairs of latents in w: pictures (n,
/// steps + 1, …), a way in each row. mean: of |difference of neighbouring steps|, of the full range
/// 2; unevenness: the largest step of a way over its mean step, averaged over the ways; 1 is
/// perfectly even.
struct Smoothness {
  double mean = 0, unevenness = 0;
};
Smoothness smoothness(const at::Tensor& ways);

/// For each painted picture the nearest of `known`, as the mean absolute difference of their pixels
/// after averaging down to 16x16 (0 … 255).
struct Neighbours {
  std::vector<double> distances;
  std::vector<int64_t> indices;
};
Neighbours nearest(const at::Tensor& painted, const at::Tensor& known);

}  // namespace vernissage::training
