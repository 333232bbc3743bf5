// Goal: attention is what the golden operators and the plain loops say, on tensor cores and without
// them. Method: as in clip_kernels_test.cpp; shapes are those at which the kernels do something
// else.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/transformer/reference.h"
#include "kernels/transformer/transformer_ops.h"
#include "tests/support/clip_operators.h"
#include "tests/support/compare.h"
#include "tests/support/kernel_machine.h"

namespace vernissage::testing {
namespace {

class ClipAttentionKernels : public ::testing::Test {
 protected:
  void TearDown() override { set_order(0); }
};

template <class T>
std::vector<float> run(const Attention<float>& op, bool tensor_cores) {
  const int64_t width = int64_t{op.heads} * op.head;
  Upload<T> upload;
  DeviceArray<T> y(size_t(op.n) * op.queries * width);
  Attention<T> launched;
  launched.qkv = upload.stored(op.qkv, op.n, int64_t{op.t} * 3 * width);
  launched.bias = upload.plain(op.bias, 0, 3 * width);
  launched.y = y.data();
  launched.n = op.n, launched.t = op.t, launched.queries = op.queries;
  launched.heads = op.heads, launched.head = op.head, launched.causal = op.causal;
  attention(launched, nullptr, tensor_cores);
  EXPECT_TRUE(upload.guards_intact());
  return floats_of(y);
}

/// (N, H, T, D) of q, k and v less their bias, as (N, T, 3W).
std::vector<float> packed(const std::string& name, const std::vector<float>& bias, int n, int heads,
                          int t, int head) {
  std::vector<float> qkv(size_t(n) * t * 3 * heads * head);
  int part = 0;
  for (const char* letter : {".q", ".k", ".v"}) {
    const std::vector<float> values = clip_ops().floats(name + letter);
    for (int a = 0; a < n; ++a)
      for (int h = 0; h < heads; ++h)
        for (int j = 0; j < t; ++j)
          for (int d = 0; d < head; ++d) {
            const size_t column = (size_t(part) * heads + h) * head + d;
            qkv[(size_t(a) * t + j) * 3 * heads * head + column] =
                values[((size_t(a) * heads + h) * t + j) * head + d] - bias[column];
          }
    ++part;
  }
  return qkv;
}

template <class T>
void check_golden_attention(double bound) {
  for (const char* name : {"attn.small", "attn.ctx77", "attn.vit50", "attn.peaky"}) {
    SCOPED_TRACE(name);
    const std::vector<int64_t> shape = clip_ops().shape(std::string(name) + ".q");
    const int n = int(shape[0]), heads = int(shape[1]), t = int(shape[2]), head = int(shape[3]);
    const std::vector<float> bias(size_t(3) * heads * head, 0.0f);
    const std::vector<float> qkv = packed(name, bias, n, heads, t, head);
    for (const bool causal : {false, true}) {
      const std::vector<float> expected =
          clip_ops().floats(std::string(name) + (causal ? ".out_causal" : ".out_full"));
      Attention<float> op;
      op.qkv = qkv.data(), op.bias = bias.data();
      op.n = n, op.t = op.queries = t, op.heads = heads, op.head = head, op.causal = causal;
      for (const bool tensor_cores : {false, true}) {
        const std::vector<float> y = run<T>(op, tensor_cores);
        for (int a = 0; a < n; ++a)
          for (int h = 0; h < heads; ++h)
            for (int j = 0; j < t; ++j)
              for (int d = 0; d < head; ++d) {
                const float value = y[((size_t(a) * t + j) * heads + h) * head + d];
                const float golden_value = expected[((size_t(a) * heads + h) * t + j) * head + d];
                ASSERT_LE(std::abs(double(value) - golden_value), bound)
                    << (causal ? "causal" : "full") << (tensor_cores ? ", tensor cores" : "");
              }
      }
    }
  }
}
TEST_F(ClipAttentionKernels, AttentionIsTheGoldenOneAsFloat) {
  check_golden_attention<float>(1e-5);
}
TEST_F(ClipAttentionKernels, AttentionIsTheGoldenOneAsHalf) {
  check_golden_attention<f16>(2e-3);
}

/// Projections by the host, the biases of q, k and v by the kernel.
template <class T>
void check_golden_heads(double bound) {
  constexpr int kN = 2, kT = 10, kW = 48, kHeads = 3;
  const std::vector<float> bias = clip_ops().floats("mha.in_proj_bias");
  std::vector<float> qkv = clip_ops().floats("mha.qkv_packed");
  for (size_t i = 0; i < qkv.size(); ++i) qkv[i] -= bias[i % bias.size()];
  const std::vector<float> weight = clip_ops().floats("mha.out_proj.weight"),
                           out_bias = clip_ops().floats("mha.out_proj.bias");
  for (const bool causal : {false, true}) {
    Attention<float> op;
    op.qkv = qkv.data(), op.bias = bias.data();
    op.n = kN, op.t = op.queries = kT, op.heads = kHeads, op.head = kW / kHeads, op.causal = causal;
    const std::vector<float> y = run<T>(op, true);
    std::vector<float> projected;
    for (int row = 0; row < kN * kT; ++row)
      for (int o = 0; o < kW; ++o) {
        double sum = out_bias[o];
        for (int i = 0; i < kW; ++i) sum += double(y[row * kW + i]) * weight[o * kW + i];
        projected.push_back(static_cast<float>(sum));
      }
    expect_within(projected, clip_ops().floats(causal ? "mha.y_causal" : "mha.y_full"), bound);
  }
}
TEST_F(ClipAttentionKernels, HeadsWithBiasesAreTheGoldenOnesAsFloat) {
  check_golden_heads<float>(1e-5);
}
TEST_F(ClipAttentionKernels, HeadsWithBiasesAreTheGoldenOnesAsHalf) {
  check_golden_heads<f16>(5e-3);
}

struct AttentionShape {
  int n, t, queries, heads, head;
  bool causal;
};
/// Every width of head that has a kernel of its own and what fills it up; one tile of 64 keys, its
/// edge, and several; one query for all keys; widths that tensor cores do not take.
constexpr AttentionShape kAttentionShapes[] = {
    {1, 1, 1, 1, 8, false},     {3, 17, 17, 2, 16, false}, {2, 50, 50, 2, 64, false},
    {2, 64, 64, 1, 32, true},   {1, 65, 65, 2, 24, true},  {1, 130, 130, 1, 64, true},
    {2, 129, 1, 2, 64, false},  {1, 70, 70, 1, 80, false}, {1, 66, 40, 1, 104, true},
    {1, 33, 33, 2, 112, false}, {2, 19, 19, 3, 5, true},   {1, 40, 40, 1, 120, false},
};

template <class T>
void check_attention_shapes(bool tensor_cores) {
  for (const AttentionShape& shape : kAttentionShapes) {
    SCOPED_TRACE(std::to_string(shape.t) + " tokens, head " + std::to_string(shape.head));
    const bool half = sizeof(T) == 2;
    const int64_t width = int64_t{shape.heads} * shape.head;
    const int64_t sample = shape.t * 3 * width;
    Operands operands(32, half);
    Attention<float> op;
    op.qkv = operands.stored(shape.n * sample, -1.5f, 1.5f);
    op.bias = operands.uniform(3 * width);
    op.n = shape.n, op.t = shape.t, op.queries = shape.queries;
    op.heads = shape.heads, op.head = shape.head, op.causal = shape.causal;
    const size_t count = size_t(op.n) * op.queries * width;
    std::vector<double> expected(count);
    reference::attention(op, expected.data());

    // An absolute error of a score is a relative one of its probability. A score is a sum of D
    // products, at most |q + b| |k| = 2.5 · 1.5 (2.5 · 2.5 with the bias of k); on tensor cores q
    // and the probability are rounded to half first. |v + b| is at most 2.5.
    const double score = 2.5 * 2.5 * std::sqrt(double(op.head));
    const bool rounded = tensor_cores && half && attention_fits_tensor_cores(op.head);
    const double scores = 2 * score * (tolerance(op.head) + (rounded ? kHalfUnit : 0));
    const double bound = 2.5 * (scores + tolerance(op.t) + (rounded ? kHalfUnit : 0));

    std::vector<float> first;
    for (const uint64_t order : kOrders) {
      set_order(order);
      const std::vector<float> y = run<T>(op, tensor_cores);
      if (first.empty()) {
        first = y;
        for (size_t i = 0; i < count; ++i)
          ASSERT_LE(std::abs(y[i] - expected[i]),
                    bound + storage_error(half ? Storage::f16 : Storage::f32, expected[i]))
              << "element " << i;
      }
      ASSERT_EQ(y, first) << "order " << order;
    }
    set_order(0);
    for (int n = 0; n < op.n && op.n > 1; ++n) {
      Attention<float> alone = op;
      alone.n = 1;
      alone.qkv += n * sample;
      const auto begin = first.begin() + n * op.queries * width;
      EXPECT_EQ(run<T>(alone, tensor_cores), std::vector<float>(begin, begin + op.queries * width));
    }
  }
}
TEST_F(ClipAttentionKernels, AttentionIsRightAtEveryShapeAsFloat) {
  check_attention_shapes<float>(false);
}
TEST_F(ClipAttentionKernels, AttentionIsRightAtEveryShapeAsHalf) {
  check_attention_shapes<f16>(false);
}
TEST_F(ClipAttentionKernels, AttentionIsRightAtEveryShapeOnTensorCores) {
  check_attention_shapes<f16>(true);
}

/// Scores of ±10⁴ are the end of a naive exponential.
TEST_F(ClipAttentionKernels, AttentionSurvivesLargeScores) {
  constexpr int kT = 80, kHead = 16;
  std::vector<float> qkv(size_t{kT} * 3 * kHead, 0.0f), bias(3 * kHead, 0.0f);
  for (int j = 0; j < kT; ++j) {
    qkv[size_t(j) * 3 * kHead] = 200;                                 // q
    qkv[size_t(j) * 3 * kHead + kHead] = j == 70 ? 200.0f : -200.0f;  // k
    qkv[size_t(j) * 3 * kHead + 2 * kHead] = static_cast<float>(j);   // v
  }
  Attention<float> op;
  op.qkv = qkv.data(), op.bias = bias.data();
  op.n = 1, op.t = op.queries = kT, op.heads = 1, op.head = kHead;
  for (const std::vector<float>& y :
       {run<float>(op, false), run<f16>(op, false), run<f16>(op, true)})
    for (int i = 0; i < kT; ++i) ASSERT_EQ(y[size_t(i) * kHead], 70.0f);
}

}  // namespace
}  // namespace vernissage::testing
