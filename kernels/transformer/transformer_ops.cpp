// The rules of transformer_ops.h, checked on the host before anything is launched.
#include "kernels/transformer/transformer_ops.h"

#include "kernels/rules.h"

namespace vernissage {
namespace {

constexpr int kNormWidthMax = 2048;
constexpr int kTokensMax = 1024;
constexpr int kHeadMax = 256;
constexpr int kHeadOnTensorCoresMax = 112;

void check_width(const Rules& rules, int w) {
  rules.size(w, "w");
  rules.require(w % 4 == 0, "w is " + std::to_string(w) + ", expected a multiple of 4");
}

/// Rows are laid on the first grid dimension.
void check_rows(const Rules& rules, int64_t rows, const char* what) {
  rules.range(rows, 1, INT32_MAX, what);
}

}  // namespace

bool attention_fits_tensor_cores(int head) {
  return head % 8 == 0 && head <= kHeadOnTensorCoresMax;
}

template <class T>
void check(const ImagePatches<T>& op) {
  const Rules rules("image_patches");
  rules.require((op.x == nullptr) != (op.values == nullptr), "one of x and values is expected");
  rules.pointer(op.y, "y");
  rules.size(op.n, "n");
  rules.range(op.size, 1, kGridMax, "size");
  rules.range(op.patch, 1, op.size, "patch");
  rules.require(op.size % op.patch == 0, "patch does not divide size");
  rules.require(op.columns >= int64_t{3} * op.patch * op.patch, "columns is less than 3 · patch²");
  const int64_t side = op.size / op.patch;
  check_rows(rules, op.n * side * side, "n · (size/patch)²");
  for (const float value : op.std_dev)
    rules.require(op.x == nullptr || value > 0, "std_dev is not positive");
}

template <class T>
void check(const TokenEmbedding<T>& op) {
  const Rules rules("token_embedding");
  rules.pointer(op.ids, "ids");
  rules.pointer(op.table, "table");
  rules.pointer(op.position, "position");
  rules.pointer(op.x, "x");
  rules.size(op.n, "n");
  rules.size(op.t, "t");
  check_rows(rules, int64_t{op.n} * op.t, "n · t");
  check_width(rules, op.w);
}

template <class T>
void check(const LayerNorm<T>& op) {
  const Rules rules("layer_norm");
  rules.pointer(op.x, "x");
  rules.pointer(op.weight, "weight");
  rules.pointer(op.bias, "bias");
  rules.pointer(op.y, "y");
  check_rows(rules, op.m, "m");
  check_width(rules, op.w);
  rules.range(op.w, 4, kNormWidthMax, "w");
  rules.require(op.stride >= op.w && op.stride % 4 == 0,
                "stride is " + std::to_string(op.stride) + ", expected a multiple of 4 from w on");
  rules.require(op.next_bias == nullptr || static_cast<const void*>(op.x) != op.y,
                "y is x, which next_bias writes as well");
  rules.require(op.eps > 0, "eps is not positive");
}

template <class T>
void check(const Attention<T>& op) {
  const Rules rules("attention");
  rules.pointer(op.qkv, "qkv");
  rules.pointer(op.bias, "bias");
  rules.pointer(op.y, "y");
  rules.require(static_cast<const void*>(op.qkv) != op.y, "y is qkv, which is read meanwhile");
  rules.batch(op.n);
  rules.range(op.t, 1, kTokensMax, "t");
  rules.range(op.queries, 1, op.t, "queries");
  rules.range(op.heads, 1, kGridMax, "heads");
  rules.range(op.head, 1, kHeadMax, "head");
}

template <class T>
void check(const BiasGelu<T>& op) {
  const Rules rules("bias_gelu");
  rules.pointer(op.x, "x");
  rules.pointer(op.bias, "bias");
  check_rows(rules, op.m, "m");
  check_width(rules, op.w);
}

void check(const AddPositions& op) {
  const Rules rules("add_positions");
  rules.pointer(op.patches, "patches");
  rules.pointer(op.class_token, "class_token");
  rules.pointer(op.position, "position");
  rules.pointer(op.x, "x");
  rules.size(op.n, "n");
  rules.range(op.t, 2, INT32_MAX, "t");
  check_rows(rules, int64_t{op.n} * op.t, "n · t");
  check_width(rules, op.w);
}

void check(const L2Normalize& op) {
  const Rules rules("l2_normalize");
  rules.pointer(op.x, "x");
  check_rows(rules, op.m, "m");
  rules.size(op.w, "w");
}

void check(const Resample& op) {
  const Rules rules("resample");
  rules.pointer(op.x, "x");
  rules.pointer(op.first, "first");
  rules.pointer(op.count, "count");
  rules.pointer(op.weights, "weights");
  rules.pointer(op.y, "y");
  rules.require(op.x != op.y, "y is x, which is read while y is written");
  check_rows(rules, op.outer, "outer");
  rules.size(op.length, "length");
  rules.size(op.inner, "inner");
  rules.size(op.taps, "taps");
  rules.size(op.size, "size");
  rules.require(int64_t{op.length} * op.inner <= INT32_MAX, "length · inner exceeds 2^31 - 1");
  rules.range(int64_t{op.size} * op.inner, 1, INT32_MAX / 2, "size · inner");
}

template void check(const ImagePatches<float>&);
template void check(const ImagePatches<f16>&);
template void check(const TokenEmbedding<float>&);
template void check(const TokenEmbedding<f16>&);
template void check(const LayerNorm<float>&);
template void check(const LayerNorm<f16>&);
template void check(const Attention<float>&);
template void check(const Attention<f16>&);
template void check(const BiasGelu<float>&);
template void check(const BiasGelu<f16>&);

}  // namespace vernissage
