// How far two results of the same sum may lie apart, from error analysis instead of experience.
//
// A sum of K products in float32, in any order, is off by at most about λ √K u M with u = 2^-24, M
// the sum of the products' magnitudes, and probability 1 - 2 exp(-λ²/2): Higham and Mary 2019, "A
// New Approach to Probabilistic Rounding Error Analysis". λ = 6 leaves 3e-8 a value. What follows
// the sum (demodulation, noise, bias, activation, gain, residual, style) is at most sixteen further
// roundings, elementary functions counted at CUDA's documented 2 ulp. Storing as half rounds once
// more, by 2^-11 of the value or half the smallest subnormal.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace vernissage::testing {

enum class Storage { f32, f16 };

/// Of sums of `terms` products, relative to their magnitude M.
inline double tolerance(double terms) {
  constexpr double kUnit = 0x1p-24;
  constexpr double kLambda = 6;
  constexpr double kFurtherRoundings = 16;
  return (kLambda * std::sqrt(terms) + kFurtherRoundings) * kUnit;
}

/// Of storing `value`.
inline double storage_error(Storage storage, double value) {
  return storage == Storage::f32 ? 0x1p-24 * std::abs(value) + 0x1p-126
                                 : 0x1p-11 * std::abs(value) + 0x1p-25;
}

/// Every |actual - expected| within tolerance(terms) · (magnitude + |expected|) and the error of
/// storing. The first few that are not are shown by index.
inline void expect_close(std::span<const float> actual, std::span<const double> expected,
                         std::span<const double> magnitude, double terms, Storage storage) {
  ASSERT_EQ(actual.size(), expected.size());
  ASSERT_EQ(actual.size(), magnitude.size());
  int shown = 0;
  for (size_t i = 0; i < actual.size() && shown < 4; ++i) {
    const double bound = tolerance(terms) * (magnitude[i] + std::abs(expected[i])) +
                         storage_error(storage, expected[i]);
    const double error = std::abs(static_cast<double>(actual[i]) - expected[i]);
    if (error <= bound) continue;  // false for NaN, as it must be
    ++shown;
    ADD_FAILURE() << "element " << i << " of " << actual.size() << " is " << actual[i]
                  << ", expected " << expected[i] << " within " << bound;
  }
}

/// max |actual - expected| over max |expected|: the measure of golden/stylegan2/README.md. NaN if
/// any is.
inline double relative_to_absmax(std::span<const float> actual, std::span<const float> expected) {
  double error = 0, largest = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double difference =
        std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
    if (!(difference <= error)) error = difference;
    if (std::isnan(error)) return error;
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
  }
  return largest > 0 ? error / largest : error;
}

}  // namespace vernissage::testing
