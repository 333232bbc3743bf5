// The shapes and options every kernel is tested with: channel counts around the vector width and
// the tile (3, 5, 13, 33, 65, 129), sizes that fill no tile, batches of 1, 2 and 5, each option of
// the epilogue on and off, and the shapes of a small real network.
#pragma once

#include <string>
#include <vector>

#include "tests/support/operands.h"

namespace vernissage::testing {

enum class NoiseKind { none, shared, per_sample, seeds };

struct EpilogueCase {
  bool demod = false, bias = false;
  NoiseKind noise = NoiseKind::none;
  Activation act = Activation::linear;
  float alpha = 0.2f, gain = 1, clamp = -1;
  bool residual = false, next_style = false;
};

/// What a synthesis layer uses.
inline constexpr EpilogueCase kLayer = {
    true, true, NoiseKind::shared, Activation::lrelu, 0.2f, 1.4142135f, -1, false, false};
/// Everything at once.
inline constexpr EpilogueCase kWhole = {
    true, true, NoiseKind::per_sample, Activation::lrelu, 0.3f, 1.4142135f, 1.5f, true, true};
inline constexpr EpilogueCase kNothing = {};

inline Epilogue<float> make_epilogue(const EpilogueCase& which, Operands& operands, int n,
                                     int64_t pixels, int64_t channels) {
  Epilogue<float> e;
  if (which.demod) e.demod = operands.uniform(n * channels, 0.1f, 0.6f);
  if (which.bias) e.bias = operands.uniform(channels);
  if (which.noise == NoiseKind::shared) e.noise = operands.uniform(pixels, -2, 2);
  if (which.noise == NoiseKind::per_sample) e.noise = operands.uniform(n * pixels, -2, 2);
  e.noise_per_sample = which.noise == NoiseKind::per_sample;
  if (which.noise == NoiseKind::seeds) e.noise_seeds = operands.seeds(n);
  e.noise_layer = 3;
  e.noise_strength = which.noise == NoiseKind::none ? 0.0f : -0.7f;
  e.act = which.act, e.alpha = which.alpha, e.gain = which.gain, e.clamp = which.clamp;
  if (which.residual) e.residual = operands.stored(n * pixels * channels);
  if (which.next_style) e.next_style = operands.uniform(n * channels, -2, 2);
  return e;
}

struct ConvCase {
  const char* name;
  int n, h, w, i, o, k;
  bool style;
  EpilogueCase epilogue;
};
inline const ConvCase kConvCases[] = {
    {"one_of_everything", 1, 1, 1, 1, 1, 3, true, kNothing},
    {"one_pixel_1x1", 2, 1, 1, 7, 5, 1, true, kLayer},
    {"odd_3_to_5", 2, 7, 5, 3, 5, 3, true, kLayer},
    {"odd_13_to_33", 5, 5, 9, 13, 33, 3, true, kWhole},
    {"odd_33_to_13_without_style", 2, 9, 6, 33, 13, 3, false, kLayer},
    {"odd_65_to_129", 1, 7, 7, 65, 129, 3, true, kLayer},
    {"odd_129_to_65", 2, 5, 3, 129, 65, 3, true, kWhole},
    {"vector_64_to_64", 1, 8, 8, 64, 64, 3, true, kLayer},
    {"vector_in_odd_out", 2, 6, 6, 8, 3, 3, true, kWhole},
    {"odd_in_vector_out", 2, 6, 6, 3, 8, 3, true, kWhole},
    {"half_vector_12_to_20", 5, 4, 4, 12, 20, 3, true, kLayer},
    {"wide_row", 1, 3, 67, 4, 4, 3, true, kLayer},
    {"tall_column", 1, 67, 3, 4, 4, 3, true, kLayer},
    {"no_epilogue", 2, 8, 8, 16, 16, 3, true, kNothing},
    {"noise_from_seeds",
     5,
     6,
     5,
     8,
     12,
     3,
     true,
     {true, true, NoiseKind::seeds, Activation::lrelu, 0.2f, 1.4142135f, 2}},
    {"clamped",
     2,
     4,
     4,
     16,
     8,
     3,
     true,
     {true, true, NoiseKind::none, Activation::lrelu, 0.2f, 1.4142135f, 0.25f}},
    {"residual",
     2,
     8,
     8,
     8,
     8,
     3,
     true,
     {true, true, NoiseKind::shared, Activation::lrelu, 0.2f, 1, 1, true, false}},
    {"pointwise_33_to_3", 5, 13, 17, 33, 3, 1, true, {false, true}},
    {"pointwise_skip_without_style",
     2,
     9,
     9,
     20,
     24,
     1,
     false,
     {false, false, NoiseKind::none, Activation::linear, 0.2f, 0.70710678f}},
    {"pointwise_65_to_65", 1, 8, 9, 65, 65, 1, true, kWhole},
};

struct TransposedCase {
  const char* name;
  int n, h, w, i, o;
  bool style, demod;
};
inline const TransposedCase kTransposedCases[] = {
    {"one_of_everything", 1, 1, 1, 1, 1, true, true},
    {"odd_3_to_5", 2, 4, 7, 3, 5, true, true},
    {"odd_13_to_33", 5, 5, 3, 13, 33, true, true},
    {"odd_33_to_13_bare", 2, 6, 5, 33, 13, false, false},
    {"odd_65_to_129", 1, 4, 4, 65, 129, true, true},
    {"odd_129_to_65", 2, 3, 3, 129, 65, true, false},
    {"vector_64_to_64", 1, 8, 8, 64, 64, true, true},
    {"vector_in_odd_out", 2, 9, 6, 8, 3, true, true},
    {"odd_in_vector_out", 2, 1, 9, 5, 8, false, true},
    {"wide_row", 1, 1, 40, 4, 4, true, true},
};

struct UpfirdnCase {
  const char* name;
  int n, h, w, c, fh, fw, up_x, up_y, down_x, down_y, pad_x0, pad_x1, pad_y0, pad_y1;
  bool flip;
  float gain;
  EpilogueCase epilogue;
};
inline const UpfirdnCase kUpfirdnCases[] = {
    {"one_pixel", 1, 1, 1, 1, 4, 4, 2, 2, 1, 1, 2, 1, 2, 1, false, 4, kNothing},
    {"blur_after_conv_5", 2, 9, 13, 5, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1, false, 4, kWhole},
    {"blur_after_conv_64", 1, 17, 17, 64, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1, false, 4, kLayer},
    {"blur_seeded_noise",
     5,
     9,
     9,
     12,
     4,
     4,
     1,
     1,
     1,
     1,
     1,
     1,
     1,
     1,
     false,
     4,
     {true, true, NoiseKind::seeds, Activation::lrelu, 0.2f, 1.4142135f, 3}},
    {"doubling_3", 5, 7, 5, 3, 4, 4, 2, 2, 1, 1, 2, 1, 2, 1, false, 4, kNothing},
    {"doubling_33_residual",
     2,
     5,
     6,
     33,
     4,
     4,
     2,
     2,
     1,
     1,
     2,
     1,
     2,
     1,
     false,
     4,
     {false, false, NoiseKind::none, Activation::linear, 0.2f, 1, -1, true}},
    {"halving_13", 2, 13, 17, 13, 4, 4, 1, 1, 2, 2, 1, 1, 1, 1, false, 1, kLayer},
    {"up3_down2_flipped", 1, 9, 11, 5, 3, 5, 3, 3, 2, 2, 0, 4, 3, 0, true, 2.5f, kWhole},
    {"axes_differ", 2, 6, 9, 8, 3, 5, 2, 1, 1, 2, 2, 2, 1, 1, false, 2, kLayer},
    {"cropping", 2, 13, 17, 65, 3, 5, 2, 2, 1, 1, -3, 2, 1, -4, false, 1, kLayer},
    {"cropping_all_sides", 1, 16, 16, 4, 4, 4, 1, 1, 1, 1, -1, -2, -3, -1, true, 1, kNothing},
    {"largest_filter", 1, 12, 10, 4, 32, 32, 2, 2, 2, 2, 20, 20, 20, 20, false, 1, kNothing},
    {"more_up_than_filter", 2, 4, 4, 4, 2, 3, 5, 5, 1, 1, 1, 1, 1, 1, false, 1, kLayer},
};

struct ActCase {
  const char* name;
  int n, h, w, o;
  EpilogueCase epilogue;
};
inline std::vector<ActCase> act_cases() {
  std::vector<ActCase> cases = {
      {"one_of_everything", 1, 1, 1, 1, kNothing},
      {"whole_5", 2, 7, 3, 5, kWhole},
      {"whole_64", 2, 8, 8, 64, kWhole},
      {"dense_129",
       5,
       1,
       1,
       129,
       {false, true, NoiseKind::none, Activation::lrelu, 0.2f, 1.4142135f}},
      {"layer_33", 1, 9, 5, 33, kLayer},
      {"seeds_4",
       5,
       11,
       7,
       4,
       {false, true, NoiseKind::seeds, Activation::lrelu, 0.2f, 1.4142135f}},
  };
  static const char* const kNames[] = {"linear", "relu", "lrelu",    "tanh", "sigmoid",
                                       "elu",    "selu", "softplus", "swish"};
  for (int act = 0; act < 9; ++act)
    cases.push_back({kNames[act],
                     2,
                     5,
                     3,
                     13,
                     {false, true, NoiseKind::none, static_cast<Activation>(act), 0.3f, 1.7f, 2.25f,
                      false, true}});
  return cases;
}

struct RgbCase {
  const char* name;
  int n, h, w, i, c;
  bool bias, previous;
  float clamp;
};
inline const RgbCase kRgbCases[] = {
    {"one_of_everything", 1, 1, 1, 1, 1, false, false, -1},
    {"first_image", 2, 4, 4, 64, 3, true, false, -1},
    {"skip_64", 2, 8, 8, 64, 3, true, true, -1},
    {"skip_33_clamped", 5, 6, 14, 33, 3, true, true, 0.5f},
    {"skip_129_grey", 1, 10, 6, 129, 1, true, true, -1},
    {"odd_5_four_colours", 2, 5, 7, 5, 4, true, false, 1},
    {"skip_13_two_colours", 2, 2, 2, 13, 2, false, true, -1},
    {"skip_512", 1, 16, 16, 512, 3, true, true, 256},
};

}  // namespace vernissage::testing
