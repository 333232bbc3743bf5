// Goal: a convolution whose taps are shared out is the convolution. Method: shapes whose taps go in
// three and in nine shares, plain and in four phases, with every part of the epilogue on and off,
// against the reference in double within the error of the arithmetic, in three thread orders; a
// sample alone gives the same bytes as in its batch, though the tile may be another; nothing is
// written outside the partial sums or read before it was written (they start as NaN).
#include <gtest/gtest.h>

#include "kernels/convolution/conv_split_k.h"
#include "kernels/reference.h"
#include "tests/kernels/cases.h"
#include "tests/support/compare.h"
#include "tests/support/kernel_machine.h"

namespace vernissage::testing {
namespace {

constexpr EpilogueCase kSeeded = {true,       true, NoiseKind::seeds, Activation::lrelu, 0.2f,
                                  1.4142135f, 2};

struct SplitCase {
  const char* name;
  int n, h, w, i, o, splits;
  EpilogueCase epilogue;
};

void launch(ModulatedConv<f16>& op) {
  modulated_conv(op, nullptr, ConvPath::mma);
}
void launch(PhasedConv<f16>& op) {
  phased_conv(op, nullptr, ConvPath::mma);
}
void reference_of(const ModulatedConv<float>& op, double* y) {
  reference::modulated_conv(op, y);
}
void reference_of(const PhasedConv<float>& op, double* y) {
  reference::phased_conv(op, y);
}

template <class Op>
std::vector<float> run(const Op& op, int64_t partials_each) {
  Upload<f16> upload;
  auto on_device = map_inputs<f16>(op, upload);
  DeviceArray<f16> y(output_count(op));
  DeviceArray<float> partials(static_cast<size_t>(partials_each) * op.n);
  on_device.y = y.data();
  on_device.partials = partials.data();
  launch(on_device);
  EXPECT_TRUE(y.guards_intact() && partials.guards_intact() && upload.guards_intact());
  const std::vector<f16> stored = y.read();
  std::vector<float> values(stored.size());
  for (size_t k = 0; k < values.size(); ++k) values[k] = to_float(stored[k]);
  return values;
}

template <class Op>
void check(const SplitCase& c, Op op, Operands& operands, int phases) {
  ASSERT_EQ(tap_splits(int64_t{c.h} * c.w, c.o, phases), c.splits) << "the case tests nothing";
  std::vector<double> expected(output_count(op)), magnitude(expected.size());
  reference_of(op, expected.data());
  reference_of(magnitude_of(op, operands), magnitude.data());
  const int64_t each = partial_count(c.h, c.w, c.o, phases);
  ASSERT_EQ(each, int64_t{c.splits} * c.h * c.w * phases * c.o);
  std::vector<float> first;
  for (const uint64_t order : kOrders) {
    set_order(order);
    const std::vector<float> y = run(op, each);
    expect_close(y, expected, magnitude, 9.0 * c.i, Storage::f16);
    if (first.empty()) first = y;
    EXPECT_EQ(y, first) << "order " << order;
  }
  set_order(0);
  for (int n = 0; n < op.n && op.n > 1; ++n) {
    OneSample sample(n);
    const Op alone = map_inputs<float>(op, sample);
    const int64_t count = output_count(alone);
    EXPECT_EQ(run(alone, each),
              std::vector<float>(first.begin() + n * count, first.begin() + (n + 1) * count))
        << "sample " << n << " differs when it is alone";
  }
}

TEST(SplitK, ModulatedConvEqualsTheReference) {
  for (const SplitCase& c : {SplitCase{"nine_4x4", 2, 4, 4, 64, 72, 9, kLayer},
                             SplitCase{"nine_odd_size", 3, 5, 7, 24, 40, 9, kSeeded},
                             SplitCase{"nine_two_columns", 1, 8, 8, 72, 136, 9, kNothing},
                             SplitCase{"nine_whole", 2, 6, 6, 8, 16, 9, kWhole},
                             SplitCase{"three", 1, 44, 64, 8, 8, 3, kLayer}}) {
    SCOPED_TRACE(c.name);
    Operands operands(31, true);
    ModulatedConv<float> op;
    op.n = c.n, op.h = c.h, op.w = c.w, op.i = c.i, op.o = c.o;
    op.x = operands.stored(int64_t{c.n} * c.h * c.w * c.i);
    op.weight = operands.stored(int64_t{c.o} * 9 * c.i);
    op.epilogue = make_epilogue(c.epilogue, operands, c.n, int64_t{c.h} * c.w, c.o);
    check(c, op, operands, 1);
  }
}

TEST(SplitK, PhasedConvEqualsTheReference) {
  for (const SplitCase& c : {SplitCase{"nine_4_to_8", 2, 4, 4, 32, 64, 9, kLayer},
                             SplitCase{"nine_odd_size", 1, 3, 5, 40, 24, 9, kWhole},
                             SplitCase{"three_16_to_32", 1, 16, 16, 16, 72, 3, kSeeded}}) {
    SCOPED_TRACE(c.name);
    Operands operands(32, true);
    PhasedConv<float> op;
    op.n = c.n, op.h = c.h, op.w = c.w, op.i = c.i, op.o = c.o;
    op.x = operands.stored(int64_t{c.n} * c.h * c.w * c.i);
    op.weight = operands.stored(int64_t{4} * c.o * 9 * c.i);
    op.epilogue = make_epilogue(c.epilogue, operands, c.n, int64_t{4} * c.h * c.w, c.o);
    check(c, op, operands, 4);
  }
}

TEST(SplitK, NeverDependsOnTheBatchAndLeavesLargePicturesWhole) {
  // Config-f: 4, 8 and 16 are shared out, 32 fills the device by itself, and so does what is above.
  EXPECT_EQ(tap_splits(4 * 4, 512, 1), 9);
  EXPECT_EQ(tap_splits(8 * 8, 512, 1), 9);
  EXPECT_EQ(tap_splits(16 * 16, 512, 1), 3);
  EXPECT_EQ(tap_splits(32 * 32, 512, 1), 1);
  EXPECT_EQ(tap_splits(4 * 4, 512, 4), 3);
  EXPECT_EQ(tap_splits(16 * 16, 512, 4), 1);
  EXPECT_EQ(partial_count(32, 32, 512, 1), 0);
}

}  // namespace
}  // namespace vernissage::testing
