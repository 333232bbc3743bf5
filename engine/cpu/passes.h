// Everything the CPU backend does between two convolutions, in one pass over the pixels each.
// Activations are in channel blocks (cpu_vector.h), one sample at a time.
#pragma once

#include <cstdint>

#include "engine/formats/network.h"

namespace vernissage::cpu {

/// What to_rgb adds to the running image: image = up(below) + clamp(W x + b).
struct ToRgb {
  const float* weight = nullptr;  // (image channels, padded C), style and 1/√C multiplied in
  const float* bias = nullptr;    // (image channels)
  float clamp = -1;               // < 0: none
  int channels = 0;               // of the image, 1 … 4; 0: no to_rgb
  const float* filter = nullptr;  // (4, 4)
  const float* below = nullptr;   // (channels, R/2, R/2): the image so far; null: none
  float* image = nullptr;         // (channels, R, R)
};

/// y = scale · clamp(gain · act(d · x + strength · noise + bias)) + scale · residual, and to_rgb of
/// y before the scale.
struct Finish {
  int channels;               // padded C of x and y
  int resolution;             // R of y
  const float* demodulation;  // (C)
  const float* bias;          // (C), zero in the padding
  const float* noise;         // (R, R), null: none
  float noise_strength;
  Activation activation;
  float gain;
  float clamp;            // < 0: none
  const float* residual;  // like y, null: none
  const float* scale;     // (C): the next layer's style, or 1; zero in the padding
  float* y;               // aligned to 64 bytes; null: only to_rgb wants the value
  ToRgb to_rgb;
};

/// x (C/B, R, R, B); x == y is allowed.
void finish(const Finish& op, const float* x);
/// x (C/B, R + 1, R + 1, B) is a transposed convolution's result; `filter` (4, 4) is run over it
/// first, with gain 4 and one pixel of zeros around.
void filter_and_finish(const Finish& op, const float* x, const float* filter);

/// to_rgb alone, of x (C/B, R, R, B).
void to_rgb(const ToRgb& op, int channels, int resolution, const float* x);

/// y = scale · x, channel by channel; in place allowed.
void scale_channels(int channels, int64_t pixels, const float* x, const float* scale, float* y);

/// y (C/B, R, R, B) = gain · up2(x (C/B, R/2, R/2, B)) with `filter` (4, 4), gain 4 of the
/// upsampling included.
void upsample(int channels, int resolution, const float* x, const float* filter, float gain,
              float* y);

/// Unit normals of kernels/philox.h for every pixel of a layer's map.
void random_noise(uint64_t seed, int layer, int resolution, float* noise);

/// (C/B, R, R, B) → (C, R, R).
void unblock(int channels, int resolution, const float* x, float* y);

/// trunc(clamp(127.5 x + 128, 0, 255)) of (channels, R, R) as (R, R, channels) bytes.
void to_bytes(int channels, int resolution, const float* image, uint8_t* pixels);

/// (side, side, channels) bytes reduced to (size, size, channels): Backend::read_preview. size ≤
/// side.
void area_downsample(int channels, int side, int size, const uint8_t* x, uint8_t* y);

}  // namespace vernissage::cpu
