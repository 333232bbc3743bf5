// The operations of CLIP's two towers beside the matrix products, one plain struct each: formula,
// shapes, rules. The launchers stand below each other at the end; reference.h of this folder says
// the same as plain loops. Everything ops.h says of all operations holds here. T is the storage
// type of what the matrix products read, float or f16; the residual stream between the blocks is
// float32 in both.
//
// Shape letters: N pictures or texts, T tokens, W width, H heads of D = W/H channels, M rows.
// Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language
// Supervision"; the transformer is that of Vaswani et al. 2017 with the norms in front (Xiong et
// al. 2020).
#pragma once

#include <cstdint>

#include "kernels/ops.h"

struct CUstream_st;

namespace vernissage {

using Stream = CUstream_st*;

/// The picture as rows of a matrix product:
///   y[n, q · G + r, (c · p + a) · p + b]
///       = (x[n, q · p + a, r · p + b, c] / 255 - mean[c]) / std_dev[c]
/// with G = S/p; columns from 3p² on are zero. Source of the constants: the network's
/// configuration.
template <class T>
struct ImagePatches {
  const uint8_t* x = nullptr;      // (N, S, S, 3), or null with `values`
  const float* values = nullptr;   // (N, 3, S, S), already normalised, instead of x; or null
  T* y = nullptr;                  // (N, G², columns)
  int n = 0, size = 0, patch = 0;  // all ≥ 1; patch divides size
  int columns = 0;                 // ≥ 3p²
  float mean[3] = {}, std_dev[3] = {};
};

/// x[n, 0, :] = class_token + position[0], x[n, 1 + j, :] = patches[n, j, :] + position[1 + j].
struct AddPositions {
  const float* patches = nullptr;      // (N, T - 1, W)
  const float* class_token = nullptr;  // (W)
  const float* position = nullptr;     // (T, W)
  float* x = nullptr;                  // (N, T, W)
  int n = 0, t = 0, w = 0;             // ≥ 1; t ≥ 2; w a multiple of 4
};

/// x[n, j, :] = table[ids[n, j]] + position[j]. The ids are the caller's to check.
template <class T>
struct TokenEmbedding {
  const int32_t* ids = nullptr;     // (N, T), 0 … V - 1
  const T* table = nullptr;         // (V, W)
  const float* position = nullptr;  // (T, W)
  float* x = nullptr;               // (N, T, W)
  int n = 0, t = 0, w = 0;          // ≥ 1; w a multiple of 4
};

/// y[m] = weight · (x[r] - mean) / √(variance + eps) + bias, r the m-th row read; mean and (biased)
/// variance over W, the variance from the differences, in float32. With `next_bias` the row read
/// becomes x[r] + next_bias: the bias of the matrix product that is added to the stream next.
/// Source: Ba et al. 2016, "Layer Normalization", eq. 4.
template <class T>
struct LayerNorm {
  float* x = nullptr;                // rows of W, written only with next_bias
  const int32_t* rows = nullptr;     // (M): r of each m, or null: r = m
  int64_t stride = 0;                // elements from row r to row r + 1, a multiple of 4, ≥ w
  const float* next_bias = nullptr;  // (W), or null. Rows must then be distinct
  const float* weight = nullptr;     // (W)
  const float* bias = nullptr;       // (W)
  T* y = nullptr;                    // (M, W); y == x (T float, same rows) without next_bias
  int m = 0, w = 0;                  // ≥ 1; w a multiple of 4, at most 2048
  float eps = 1e-5f;
};

/// Attention of short sequences, for the first Q queries of each:
///   y[n, i, h·D + d] = Σ_j p[n,h,i,j] · v[n,j,h,d] + bias_v[h,d]
///   p = softmax over j (j ≤ i when causal) of (q[n,i,h,:] + bias_q[h,:]) · k[n,j,h,:] / √D
/// The bias of k would add the same to every score of a query and drops out of the softmax; that of
/// v passes through it, since p sums to one. Source: Vaswani et al. 2017, section 3.2.
template <class T>
struct Attention {
  const T* qkv = nullptr;       // (N, T, 3W): q, k, v, heads one after another in each
  const float* bias = nullptr;  // (3W)
  T* y = nullptr;               // (N, Q, W)
  int n = 0;                    // ≥ 1
  int t = 0;                    // 1 … 1024
  int queries = 0;              // Q, 1 … t
  int heads = 0;                // 1 … 65535
  int head = 0;                 // D, 1 … 256
  bool causal = false;
};

enum class GeluForm { quick_gelu, gelu };

/// x = act(x + bias), in place: quick_gelu x · sigmoid(1.702 x), gelu x/2 · (1 + erf(x/√2)).
/// Source: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", section 2.
template <class T>
struct BiasGelu {
  T* x = nullptr;               // (M, W)
  const float* bias = nullptr;  // (W)
  int m = 0, w = 0;             // ≥ 1; w a multiple of 4
  GeluForm act = GeluForm::quick_gelu;
};

/// x[m] = x[m] / √(Σ x[m]²), in place; a row of zeros becomes not-a-number.
struct L2Normalize {
  float* x = nullptr;  // (M, W)
  int m = 0, w = 0;    // ≥ 1
};

/// One pass of a scaling in whole numbers:
///   y[o, j, i] = clamp((Σ_{k < count[j]} weights[j · taps + k] · x[o, first[j] + k, i] + 2^21)
///                      >> 22, 0, 255)
/// Exact: the table keeps the sum below 2^31 (BicubicTable). Across a row of RGB pixels the inner
/// count is 3, down a picture it is the length of a row.
struct Resample {
  const uint8_t* x = nullptr;                     // (outer, length, inner)
  const int32_t* first = nullptr;                 // (size)
  const int32_t* count = nullptr;                 // (size)
  const int32_t* weights = nullptr;               // (size, taps)
  uint8_t* y = nullptr;                           // (outer, size, inner)
  int64_t outer = 0;                              // ≥ 1
  int length = 0, size = 0, inner = 0, taps = 0;  // all ≥ 1
};

/// Whether attention may run on tensor cores: T f16, D a multiple of 8 up to 112. The device must
/// have compute capability 8.0.
bool attention_fits_tensor_cores(int head);

/// Throw InvalidArgument naming the first field that breaks a rule above. T: float and f16.
template <class T>
void check(const ImagePatches<T>& op);
template <class T>
void check(const TokenEmbedding<T>& op);
template <class T>
void check(const LayerNorm<T>& op);
template <class T>
void check(const Attention<T>& op);
template <class T>
void check(const BiasGelu<T>& op);
void check(const AddPositions& op);
void check(const L2Normalize& op);
void check(const Resample& op);

/// Each checks its struct, then enqueues one kernel on the stream and returns: as in kernels.h.
template <class T>
void image_patches(const ImagePatches<T>& op, Stream stream);
void add_positions(const AddPositions& op, Stream stream);
template <class T>
void token_embedding(const TokenEmbedding<T>& op, Stream stream);
template <class T>
void layer_norm(const LayerNorm<T>& op, Stream stream);
/// On tensor cores where `tensor_cores` is set and the operation fits them, else on none.
template <class T>
void attention(const Attention<T>& op, Stream stream, bool tensor_cores);
template <class T>
void bias_gelu(const BiasGelu<T>& op, Stream stream);
void l2_normalize(const L2Normalize& op, Stream stream);
void resample(const Resample& op, Stream stream);

}  // namespace vernissage
