#include "engine/cpu/clip/attention.h"

#include <algorithm>
#include <cmath>

namespace vernissage::cpu {

namespace {

constexpr int kQueries =
    24;  // rows of scores at once: 57 KB for the longest published picture tower

// Row i of `from` becomes column i of panels: (panels of rows, columns, kPanel), zero behind the
// last row.
void pack_columns(Rows from, int rows, int columns, float* panels) {
  for (int64_t p = 0; p < panels_of(rows); ++p) {
    float* panel = panels + p * columns * kPanel;
    const int count = static_cast<int>(std::min<int64_t>(kPanel, rows - p * kPanel));
    for (int j = 0; j < count; ++j) {
      const float* row = from.data + (p * kPanel + j) * from.stride;
      for (int i = 0; i < columns; ++i) panel[int64_t{i} * kPanel + j] = row[i];
    }
    for (int j = count; j < kPanel; ++j)
      for (int i = 0; i < columns; ++i) panel[int64_t{i} * kPanel + j] = 0;
  }
}

// The rows as they are, cut into panels: (panels of columns, rows, kPanel).
void pack_rows(Rows from, int rows, int columns, float* panels) {
  for (int64_t p = 0; p < panels_of(columns); ++p) {
    const int count = static_cast<int>(std::min<int64_t>(kPanel, columns - p * kPanel));
    for (int i = 0; i < rows; ++i) {
      float* to = panels + (p * rows + i) * kPanel;
      std::copy_n(from.data + i * from.stride + p * kPanel, count, to);
      std::fill(to + count, to + kPanel, 0.0f);
    }
  }
}

// scores → their softmax over the first `seen`; zero behind, up to a whole vector. Nothing behind
// `seen` is used, so that a sequence may be followed by padding and keep its bytes.
void softmax(float* scores, int seen, int padded_length, float scale) {
  constexpr float kLowest = -3e38f;
  const int whole = seen / kBlock * kBlock;
  std::fill(scores + seen, scores + std::min(padded_length, whole + kBlock), kLowest);
  const int end = whole == seen ? seen : whole + kBlock;
  Vec largest_of = splat(kLowest);
  for (int i = 0; i < end; i += kBlock) largest_of = max(largest_of, load(scores + i));
  float lanes[kBlock];
  store(lanes, largest_of);
  const Vec largest = splat(*std::max_element(lanes, lanes + kBlock));
  for (int i = 0; i < end; i += kBlock)
    store(scores + i, exponential((load(scores + i) - largest) * scale));
  std::fill(scores + seen, scores + padded_length, 0.0f);
  Vec total = {};
  for (int i = 0; i < end; i += kBlock) total += load(scores + i);
  const Vec inverse = splat(1.0f / sum(total));
  for (int i = 0; i < end; i += kBlock) store(scores + i, load(scores + i) * inverse);
}

}  // namespace

int64_t attention_floats(int length, int width) {
  return panels_of(length) * width * kPanel + panels_of(width) * length * kPanel +
         kQueries * panels_of(length) * kPanel;
}

void attend(const Head& head, float* scratch) {
  const int d = head.width, length = head.length;
  const int padded_length = static_cast<int>(panels_of(length)) * kPanel;
  float* const keys = scratch;
  float* const values = keys + panels_of(length) * d * kPanel;
  float* const scores = values + panels_of(d) * length * kPanel;
  pack_columns(head.k, length, d, keys);
  pack_rows(head.v, length, d, values);
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  for (int begin = 0; begin < head.queries; begin += kQueries) {
    const int count = std::min(kQueries, head.queries - begin);
    const Rows q{head.q.data + begin * head.q.stride, head.q.stride};
    for (int64_t p = 0; p < panels_of(length); ++p)
      multiply_panel(q, count, d, keys + p * d * kPanel, kPanel, {}, scores + p * kPanel,
                     padded_length);
    for (int row = 0; row < count; ++row)
      softmax(scores + int64_t{row} * padded_length,
              head.causal ? head.first + begin + row + 1 : length, padded_length, scale);
    for (int64_t p = 0; p < panels_of(d); ++p)
      multiply_panel({scores, padded_length}, count, length, values + p * length * kPanel,
                     static_cast<int>(std::min<int64_t>(kPanel, d - p * kPanel)), {},
                     head.y + begin * head.y_stride + p * kPanel, head.y_stride);
  }
}

}  // namespace vernissage::cpu
