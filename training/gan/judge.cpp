#include "training/gan/judge.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "base/error.h"

namespace vernissage::training {
namespace {

constexpr int64_t kSide = 64;
constexpr int64_t kCoarseSide = 16;
constexpr int64_t kBatch = 256;
constexpr uint64_t kSeed = 1;
constexpr int64_t kWidths[] = {3, 16, 32, 64, 64};

// (n, R, R, 3) bytes → (n, 3, side, side) in -1 … 1, averaged down.
at::Tensor averaged(const at::Tensor& pictures, int64_t side) {
  const auto x = pictures.permute({0, 3, 1, 2}).to(at::kFloat) / 127.5 - 1;
  if (x.size(2) == side) return x;
  if (x.size(2) % side != 0)
    throw Error("judging: expected pictures whose side is a multiple of " + std::to_string(side) +
                ", got " + std::to_string(x.size(2)));
  return at::avg_pool2d(x, x.size(2) / side);
}

at::Tensor covariance(const at::Tensor& rows, const at::Tensor& mean) {
  const auto centred = rows - mean;
  return at::mm(centred.t(), centred) / double(rows.size(0) - 1);
}

// Of a symmetric positive semidefinite matrix; rounding may leave eigenvalues a little below zero.
at::Tensor square_root(const at::Tensor& matrix) {
  const auto [values, vectors] = at::linalg_eigh(matrix);
  return at::mm(vectors * values.clamp_min(0).sqrt(), vectors.t());
}

}  // namespace

at::Tensor random_features(const at::Tensor& pictures) {
  const at::NoGradGuard no_gradients;
  at::Generator random = at::detail::createCPUGenerator(kSeed);
  std::vector<at::Tensor> weights;
  for (size_t i = 0; i + 1 < std::size(kWidths); ++i)
    weights.push_back(at::randn({kWidths[i + 1], kWidths[i], 4, 4}, random) *
                      std::sqrt(2.0 / double(kWidths[i] * 16)));
  std::vector<at::Tensor> batches;
  for (int64_t begin = 0; begin < pictures.size(0); begin += kBatch) {
    at::Tensor x = averaged(pictures.slice(0, begin, begin + kBatch), kSide);
    std::vector<at::Tensor> parts;
    for (size_t i = 0; i < weights.size(); ++i) {
      x = at::relu(at::conv2d(x, weights[i], {}, /*stride=*/2, /*padding=*/1));
      parts.push_back(i + 1 < weights.size() ? x.mean({2, 3})
                                             : at::adaptive_avg_pool2d(x, {2, 2}).flatten(1));
    }
    batches.push_back(at::cat(parts, 1));
  }
  return at::cat(batches).to(at::kDouble);
}

double frechet_distance(const at::Tensor& features1, const at::Tensor& features2) {
  const auto mean1 = features1.mean(0), mean2 = features2.mean(0);
  const auto covariance1 = covariance(features1, mean1), covariance2 = covariance(features2, mean2);
  // (C₁ C₂)^½ and (C₁^½ C₂ C₁^½)^½ have the same trace, and the latter is symmetric.
  const auto root1 = square_root(covariance1);
  const auto product = at::mm(at::mm(root1, covariance2), root1);
  const auto roots = at::linalg_eigvalsh((product + product.t()) / 2).clamp_min(0).sqrt();
  return ((mean1 - mean2).square().sum() + covariance1.trace() + covariance2.trace() -
          2 * roots.sum())
      .item<double>();
}

PrecisionRecall precision_recall(const at::Tensor& painted, const at::Tensor& real, int64_t k) {
  const auto covered = [&](const at::Tensor& points, const at::Tensor& centres) {
    // The k-th nearest other centre: the (k + 1)-th nearest, for the nearest is itself.
    const auto radii = std::get<0>(at::cdist(centres, centres).kthvalue(k + 1, 1));
    return (at::cdist(points, centres) <= radii.unsqueeze(0))
        .any(1)
        .to(at::kDouble)
        .mean()
        .item<double>();
  };
  return {covered(painted, real), covered(real, painted)};
}

Smoothness smoothness(const at::Tensor& ways) {
  const int64_t steps = ways.size(1) - 1;
  const auto changes =
      (ways.slice(1, 1) - ways.slice(1, 0, steps)).abs().flatten(2).mean(2).to(at::kDouble) / 2;
  const auto mean = changes.mean(1);
  return {mean.mean().item<double>(),
          (changes.amax(1) / mean.clamp_min(1e-12)).mean().item<double>()};
}

Neighbours nearest(const at::Tensor& painted, const at::Tensor& known) {
  const at::NoGradGuard no_gradients;
  const auto queries = averaged(painted, kCoarseSide).flatten(1);
  const auto references = averaged(known, kCoarseSide).flatten(1);
  Neighbours found;
  for (int64_t i = 0; i < queries.size(0); ++i) {
    const auto [distance, index] = (references - queries.slice(0, i, i + 1)).abs().mean(1).min(0);
    found.distances.push_back(distance.item<float>() * 127.5);
    found.indices.push_back(index.item<int64_t>());
  }
  return found;
}

}  // namespace vernissage::training
