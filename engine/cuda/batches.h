// Work is recorded for a few batch sizes only; a batch in between is filled up to the next. Samples
// never depend on their neighbours, so the filling changes no byte of theirs.
#pragma once

namespace vernissage {

/// The recorded batch that holds n ≥ 1 samples: 1, 2, 4, 8, 16, 32, then multiples of 32.
constexpr int bucket_of(int n) {
  if (n > 32) return (n + 31) / 32 * 32;
  int bucket = 1;
  while (bucket < n) bucket *= 2;
  return bucket;
}

}  // namespace vernissage
