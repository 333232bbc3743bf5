// Attention over sequences that are short enough for one head's keys and values to stay in the
// caches.
#pragma once

#include <cstdint>

#include "engine/cpu/clip/matmul.h"

namespace vernissage::cpu {

/// One head over one sequence: y = softmax(q kᵀ / √D, over the keys seen) v. Source: Vaswani et al.
/// 2017, "Attention Is All You Need", eq. 1.
struct Head {
  int width;    // D
  int length;   // T: keys and values
  int queries;  // rows of q and y
  int first;    // position of the first of them in the sequence
  bool causal;  // the query at position p sees keys 0 … p; else all
  Rows q;       // (queries, D)
  Rows k, v;    // (T, D)
  float* y;     // (queries, D)
  int64_t y_stride;
};

/// Floats of scratch memory that attend() needs.
int64_t attention_floats(int length, int width);

/// On the calling thread; `scratch` is aligned to a whole Vec. A row of y depends on its query and
/// on the keys and values it sees alone, to the last bit.
void attend(const Head& head, float* scratch);

}  // namespace vernissage::cpu
