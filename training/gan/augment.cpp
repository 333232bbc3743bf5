#include "training/gan/augment.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace vernissage::training {
namespace {

constexpr double kShiftShare = 0.125;    // of the side
constexpr double kScaleSpread = 0.2;     // of log2 s
constexpr double kBrightness = 0.2;      // σ, of RGB in -1 … 1
constexpr double kContrastSpread = 0.5;  // of log2 c
constexpr double kSaturationSpread = 1;  // of log2 s
constexpr int64_t kPadding = 2;          // at::grid_sampler: reflection
constexpr int64_t kStateValues = 5;

// A batch of matrices from the values of its rows: numbers, or (N) tensors.
struct Entry {
  Entry(double constant) : number(constant) {}
  Entry(at::Tensor values) : tensor(std::move(values)) {}
  at::Tensor tensor;
  double number = 0;
};

at::Tensor matrices(int64_t n, int64_t rows, std::initializer_list<Entry> entries,
                    at::Device device) {
  std::vector<at::Tensor> columns;
  for (const Entry& entry : entries)
    columns.push_back(entry.tensor.defined()
                          ? entry.tensor
                          : at::full({n}, entry.number, at::TensorOptions(device)));
  return at::stack(columns, 1).view({n, rows, -1});
}

class Draw {
 public:
  Draw(int64_t n, at::Device device) : n_(n), device_(device) {}

  at::Tensor uniform() const { return at::rand({n_}, at::TensorOptions(device_)); }
  at::Tensor normal() const { return at::randn({n_}, at::TensorOptions(device_)); }
  /// `values` with probability p, else the identity's.
  at::Tensor maybe(double p, const at::Tensor& values, double identity) const {
    return at::where(uniform() < p, values, at::full_like(values, identity));
  }
  /// 2^(spread · normal), with probability p.
  at::Tensor scale(double p, double spread) const {
    return maybe(p, at::exp2(normal() * spread), 1);
  }
  /// -π … π, with probability p.
  at::Tensor angle(double p) const { return maybe(p, (uniform() * 2 - 1) * std::numbers::pi, 0); }
  at::Tensor matrix(int64_t rows, std::initializer_list<Entry> entries) const {
    return matrices(n_, rows, entries, device_);
  }

 private:
  int64_t n_;
  at::Device device_;
};

// The inverse of the transform of pixels, as the sampling needs it; (N, 3, 3).
at::Tensor draw_geometry(const Draw& draw, int side, double p) {
  const auto times = [](const at::Tensor& a, const at::Tensor& b) { return at::bmm(a, b); };
  const auto scaling = [&](const at::Tensor& x, const at::Tensor& y) {
    return draw.matrix(3, {x, 0, 0, 0, y, 0, 0, 0, 1});
  };
  const auto rotation = [&](const at::Tensor& angle) {
    const auto c = angle.cos(), s = angle.sin();
    return draw.matrix(3, {c, s, 0, -s, c, 0, 0, 0, 1});
  };
  const auto shift = [&](const at::Tensor& x, const at::Tensor& y) {
    return draw.matrix(3, {1, 0, x, 0, 1, y, 0, 0, 1});
  };
  const double p_rotation = 1 - std::sqrt(1 - std::min(p, 1.0));
  const auto ones = at::ones_like(draw.uniform());
  const auto pixels = [&](const at::Tensor& shares) { return (shares * side).round() / side * 2; };

  auto g = scaling(draw.maybe(p, draw.uniform().mul(2).floor() * -2 + 1, 1), ones);
  g = times(g, rotation(draw.maybe(p, draw.uniform().mul(4).floor() * (std::numbers::pi / 2), 0)));
  const auto whole = [&] {
    return draw.maybe(p, pixels((draw.uniform() * 2 - 1) * kShiftShare), 0);
  };
  const auto whole_x = whole(), whole_y = whole();
  g = times(g, shift(whole_x, whole_y));
  const auto isotropic = draw.scale(p, kScaleSpread);
  g = times(g, scaling(isotropic, isotropic));
  g = times(g, rotation(draw.angle(p_rotation)));
  const auto stretch = draw.scale(p, kScaleSpread);
  g = times(g, scaling(stretch, stretch.reciprocal()));
  g = times(g, rotation(draw.angle(p_rotation)));
  const auto part = [&] { return draw.maybe(p, draw.normal() * (2 * kShiftShare), 0); };
  const auto part_x = part(), part_y = part();
  return times(g, shift(part_x, part_y));
}

// (N, 4, 4) on (R, G, B, 1).
at::Tensor draw_colour(const Draw& draw, double p) {
  constexpr double k = 0.57735026918962576;  // 1/√3, of the luma axis (1, 1, 1)/√3
  const auto brightness = draw.maybe(p, draw.normal() * kBrightness, 0);
  auto c =
      draw.matrix(4, {1, 0, 0, brightness, 0, 1, 0, brightness, 0, 0, 1, brightness, 0, 0, 0, 1});
  const auto contrast = draw.scale(p, kContrastSpread);
  c = at::bmm(draw.matrix(4, {contrast, 0, 0, 0, 0, contrast, 0, 0, 0, 0, contrast, 0, 0, 0, 0, 1}),
              c);
  // I - 2 v vᵀ i turns the luma over; i is 0 or 1.
  const auto i = draw.maybe(p, draw.uniform().mul(2).floor(), 0) * (2 * k * k);
  c = at::bmm(draw.matrix(4, {1 - i, -i, -i, 0, -i, 1 - i, -i, 0, -i, -i, 1 - i, 0, 0, 0, 0, 1}),
              c);
  // Rodrigues' rotation about v.
  const auto angle = draw.angle(p);
  const auto cosine = angle.cos(), along = (1 - cosine) * (k * k), across = angle.sin() * k;
  const auto d = cosine + along, plus = along + across, minus = along - across;
  c = at::bmm(draw.matrix(4, {d, minus, plus, 0, plus, d, minus, 0, minus, plus, d, 0, 0, 0, 0, 1}),
              c);
  // v vᵀ + (I - v vᵀ) s
  const auto s = draw.scale(p, kSaturationSpread);
  const auto rest = (1 - s) * (k * k), diagonal = s + rest;
  return at::bmm(draw.matrix(4, {diagonal, rest, rest, 0, rest, diagonal, rest, 0, rest, rest,
                                 diagonal, 0, 0, 0, 0, 1}),
                 c);
}

}  // namespace

Augmentation Augmentation::slice(int64_t begin, int64_t end) const {
  return {geometry.slice(0, begin, end), colour.slice(0, begin, end)};
}

Augmentation draw_augmentation(int64_t n, int side, double p, at::Device device) {
  const Draw draw(n, device);
  const auto geometry = draw_geometry(draw, side, p);
  const auto colour = draw_colour(draw, p);
  return {geometry.slice(1, 0, 2).contiguous(), colour.slice(1, 0, 3).contiguous()};
}

at::Tensor augmented(const at::Tensor& images, const Augmentation& augmentation) {
  const auto grid = at::affine_grid_generator(augmentation.geometry, images.sizes(),
                                              /*align_corners=*/false);
  const auto moved = at::grid_sampler(images, grid, /*interpolation_mode=*/0, kPadding,
                                      /*align_corners=*/false);
  const auto flat = moved.flatten(2);
  const auto coloured =
      at::baddbmm(augmentation.colour.slice(2, 3, 4), augmentation.colour.slice(2, 0, 3), flat);
  return coloured.view(images.sizes());
}

void AugmentControl::add(double signs, int64_t n) {
  signs_ += static_cast<float>(signs);
  pictures_ += static_cast<float>(n);
  if (++steps_ < static_cast<float>(options_.interval)) return;
  sureness_ = signs_ / pictures_;
  const auto change = static_cast<float>(pictures_ / options_.images);
  p_ = std::clamp(p_ + (sureness_ > options_.target ? change : -change), 0.0f, 1.0f);
  signs_ = pictures_ = steps_ = 0;
}

at::Tensor AugmentControl::state() const {
  return at::tensor({p_, sureness_, signs_, pictures_, steps_});
}

void AugmentControl::restore(const at::Tensor& state) {
  if (state.scalar_type() != at::kFloat || state.numel() != kStateValues)
    throw Error("augmentation: expected five numbers in the state of the training");
  const float* values = state.data_ptr<float>();
  p_ = values[0];
  sureness_ = values[1];
  signs_ = values[2];
  pictures_ = values[3];
  steps_ = values[4];
}

}  // namespace vernissage::training
