// The CPU backend's small matrix-vector work: the mapping network, styles, demodulation. Every
// sample's values are the same whatever the batch: each is one dot product, always summed in the
// same order.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/backend.h"

namespace vernissage::cpu {

/// y (N, out) = act(x (N, in) W + b), W (out, in) and b with their gains multiplied in.
struct Dense {
  int in = 0, out = 0;
  std::vector<float> weight, bias;
  Activation activation = Activation::linear;
};

Dense copy_dense(const DenseSpec& spec);
void dense(const Dense& layer, int n, const float* x, float* y);

/// x / rms(x), row by row: y = x · rsqrt(mean(x²) + 1e-8); rows of y are y_stride apart.
void normalize_rows(int n, int width, const float* x, float* y, int y_stride);

float dot(int count, const float* a, const float* b);

/// The activation itself, without its gain.
float activate(Activation activation, float x);

}  // namespace vernissage::cpu
