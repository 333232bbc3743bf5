// The instructions of a whole warp: each lane contributes its registers, the last one to arrive
// computes for all.
#include "kernels/emulation/ptx_emulated.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "kernels/emulation/report.h"

namespace vernissage::ptx {

namespace {

using emulation::LaunchError;

constexpr int M = 16, N = 8, K = 16;
constexpr int kLanes = 32;
constexpr int kRowBytes = 16;  // of an 8 x 8 matrix of halves
constexpr int kBankBytes = 128;

struct Multiplication {
  float* d;
  const uint32_t* a;
  const uint32_t* b;
};

void store_pair(float* low, uint32_t pair, int distance) {
  const float2 values = unpack_half2(pair);
  low[0] = values.x;
  low[distance] = values.y;
}

emulation::MatrixSums matrix_sums = emulation::MatrixSums::nearest;

/// MatrixSums::truncated: d + Σ a[k] · b[k] over eight k, `step` the distance of neighbours in b.
float truncated_sum(float d, const float* a, const float* b, int step) {
  constexpr int kTerms = 9, kBits = 24;
  double terms[kTerms] = {d};  // products of halves are exact
  for (int k = 1; k < kTerms; ++k) terms[k] = double{a[k - 1]} * double{b[(k - 1) * step]};
  double largest = 0;
  for (const double term : terms) {
    if (!std::isfinite(term))
      return static_cast<float>(std::accumulate(terms, terms + kTerms, 0.0));
    largest = std::max(largest, std::abs(term));
  }
  if (largest == 0) return 0;
  const int unit = std::ilogb(largest) + 1 - kBits;
  int64_t sum = 0;
  for (const double term : terms) sum += static_cast<int64_t>(std::ldexp(term, -unit));
  const double exact = std::ldexp(static_cast<double>(sum), unit);
  const float nearest = static_cast<float>(exact);
  return std::abs(double{nearest}) > std::abs(exact) ? std::nextafter(nearest, 0.0f) : nearest;
}

void multiply(void* const brought[kLanes], Place) {
  float a[M][K], b[K][N], d[M][N];
  for (int lane = 0; lane < kLanes; ++lane) {
    const auto& own = *static_cast<const Multiplication*>(brought[lane]);
    const int g = lane / 4, t = lane % 4;
    store_pair(&a[g][2 * t], own.a[0], 1);
    store_pair(&a[g + 8][2 * t], own.a[1], 1);
    store_pair(&a[g][2 * t + 8], own.a[2], 1);
    store_pair(&a[g + 8][2 * t + 8], own.a[3], 1);
    store_pair(&b[2 * t][g], own.b[0], N);
    store_pair(&b[2 * t + 8][g], own.b[1], N);
    for (int i = 0; i < 4; ++i) d[g + i / 2 * 8][2 * t + i % 2] = own.d[i];
  }
  if (matrix_sums == emulation::MatrixSums::truncated) {
    for (int m = 0; m < M; ++m)
      for (int n = 0; n < N; ++n)
        for (int k = 0; k < K; k += 8) d[m][n] = truncated_sum(d[m][n], &a[m][k], &b[k][n], N);
  } else {
    // The product of two halves is exact in a float, so only the sum rounds.
    for (int m = 0; m < M; ++m)
      for (int k = 0; k < K; ++k)
        for (int n = 0; n < N; ++n) d[m][n] += a[m][k] * b[k][n];
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    const auto& own = *static_cast<const Multiplication*>(brought[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) own.d[i] = d[g + i / 2 * 8][2 * t + i % 2];
  }
  ++emulation::counts().mma;
}

struct MatrixLoad {
  uint32_t* r;
  const void* row;
};

/// How many times the banks are visited for the rows of one matrix: rows in the same sixteenth of
/// every 128 bytes wait for each other.
uint64_t visits(const void* const rows[8]) {
  uint64_t most = 1;
  for (int i = 0; i < 8; ++i) {
    uint64_t same_banks = 0;
    for (int j = 0; j <= i; ++j) {
      const auto x = reinterpret_cast<uintptr_t>(rows[i]), y = reinterpret_cast<uintptr_t>(rows[j]);
      bool counted = false;
      for (int before = 0; before < j; ++before) counted |= rows[before] == rows[j];
      same_banks += !counted && x % kBankBytes == y % kBankBytes;
    }
    most = std::max(most, same_banks);
  }
  return most;
}

template <int MATRICES, bool TRANSPOSED>
void load_matrices(void* const brought[kLanes], Place where) {
  for (int matrix = 0; matrix < MATRICES; ++matrix) {
    uint16_t values[8][8];
    const void* rows[8];
    for (int i = 0; i < 8; ++i) {
      const int lane = matrix * 8 + i;
      rows[i] = static_cast<const MatrixLoad*>(brought[lane])->row;
      if (reinterpret_cast<uintptr_t>(rows[i]) % kRowBytes != 0)
        throw LaunchError("lane " + std::to_string(lane) + " at " + emulation::text(where) +
                          ": ldmatrix of an address that is not a multiple of 16 bytes" +
                          emulation::in_kernel(where));
      emulation::check_warp_read(lane, rows[i], kRowBytes, "ldmatrix", where);
      std::memcpy(values[i], rows[i], sizeof values[i]);
    }
    for (int lane = 0; lane < kLanes; ++lane) {
      const int g = lane / 4, t = lane % 4;
      const uint32_t low = TRANSPOSED ? values[2 * t][g] : values[g][2 * t];
      const uint32_t high = TRANSPOSED ? values[2 * t + 1][g] : values[g][2 * t + 1];
      static_cast<const MatrixLoad*>(brought[lane])->r[matrix] = low | high << 16;
    }
    ++emulation::counts().matrices_loaded;
    emulation::counts().ldmatrix_conflicts += visits(rows) - 1;
  }
}

}  // namespace

}  // namespace vernissage::ptx

namespace vernissage::emulation {
void set_matrix_sums(MatrixSums sums) {
  ptx::matrix_sums = sums;
}
}  // namespace vernissage::emulation

namespace vernissage::ptx {

void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Place where) {
  Multiplication mine{d, a, b};
  emulation::warp_together(&mine, &multiply, where);
}

void ldmatrix_x4(uint32_t (&r)[4], const void* row, Place where) {
  MatrixLoad mine{r, row};
  emulation::warp_together(&mine, &load_matrices<4, false>, where);
}
void ldmatrix_x2(uint32_t (&r)[2], const void* row, Place where) {
  MatrixLoad mine{r, row};
  emulation::warp_together(&mine, &load_matrices<2, false>, where);
}
void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row, Place where) {
  MatrixLoad mine{r, row};
  emulation::warp_together(&mine, &load_matrices<4, true>, where);
}

}  // namespace vernissage::ptx
