// Goal: the CPU backend's bytes are the reference's, at every level's boundary.
// Method: the golden to_uint8 case (levels, their neighbours, infinities) as a one-column picture.
#include <gtest/gtest.h>

#include "engine/cpu/passes.h"
#include "tests/support/golden_ops.h"

namespace vernissage::testing {
namespace {

TEST(CpuPixels, BytesEqualTheReferenceExactly) {
  for (const GoldenOp& op : golden_ops("to_uint8")) {
    const std::vector<float> x = op.tensor("x").values;
    const std::vector<uint8_t> expected = op.bytes("y");
    ASSERT_FALSE(x.empty());
    for (size_t i = 0; i < x.size(); ++i) {
      uint8_t byte = 77;
      cpu::to_bytes(1, 1, &x[i], &byte);
      ASSERT_EQ(int{byte}, int{expected[i]}) << "value " << x[i];
    }
    // As one picture too, so that the vectorised loop is the one checked.
    const int side = static_cast<int>(std::sqrt(static_cast<double>(x.size())));
    std::vector<uint8_t> bytes(size_t(side) * side);
    cpu::to_bytes(1, side, x.data(), bytes.data());
    for (size_t i = 0; i < bytes.size(); ++i)
      ASSERT_EQ(int{bytes[i]}, int{expected[i]}) << "value " << x[i];
  }
}

}  // namespace
}  // namespace vernissage::testing
