#include "engine/cpu/clip/transformer.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "engine/cpu/clip/attention.h"

namespace vernissage::cpu {

namespace {

Linear linear(const ClipNetwork& network, const std::string& name) {
  const Tensor& weight = network.at(name + ".weight");
  return Linear(static_cast<int>(weight.shape[1]), static_cast<int>(weight.shape[0]), weight.values,
                network.at(name + ".bias").values);
}

/// Rows first … first + count - 1, each W, of the packed query, key and value projections.
Linear projection(const ClipNetwork& network, const std::string& name, int width, int first,
                  int count) {
  const auto part = [&](const std::string& what, size_t row) {
    return std::span<const float>(network.at(name + what).values)
        .subspan(size_t(first) * row, size_t(count) * row);
  };
  return Linear(width, count, part("_weight", size_t(width)), part("_bias", 1));
}

}  // namespace

CpuLayerNorm::CpuLayerNorm(const ClipNetwork& network, const std::string& name)
    : weight_(network.at(name + ".weight").values),
      bias_(network.at(name + ".bias").values),
      eps_(network.config.layer_norm_eps) {}

void CpuLayerNorm::apply(int64_t m, Rows x, float* y, int64_t y_stride) const {
  const int width = static_cast<int>(weight_.size());
  const int whole = width / kBlock * kBlock;
#pragma omp parallel for schedule(static)
  for (int64_t row = 0; row < m; ++row) {
    const float* from = x.data + row * x.stride;
    float* to = y + row * y_stride;
    Vec sums = {};
    for (int i = 0; i < whole; i += kBlock) sums += load(from + i);
    float total = sum(sums);
    for (int i = whole; i < width; ++i) total += from[i];
    const float mean = total / static_cast<float>(width);

    sums = Vec{};
    for (int i = 0; i < whole; i += kBlock) {
      const Vec away = load(from + i) - mean;
      sums += away * away;
    }
    total = sum(sums);
    for (int i = whole; i < width; ++i) total += (from[i] - mean) * (from[i] - mean);
    const float scale = 1.0f / std::sqrt(total / static_cast<float>(width) + eps_);

    for (int i = 0; i < whole; i += kBlock)
      store(to + i,
            (load(from + i) - mean) * scale * load(weight_.data() + i) + load(bias_.data() + i));
    for (int i = whole; i < width; ++i)
      to[i] = (from[i] - mean) * scale * weight_[size_t(i)] + bias_[size_t(i)];
  }
}

Workspace::Workspace(int64_t rows, int sequences, int length, int threads, int64_t gathered_floats,
                     std::initializer_list<ClipTower> towers) {
  int64_t width = 0, mlp_width = 0;
  attention_floats_ = 0;
  for (const ClipTower& tower : towers) {
    width = std::max<int64_t>(width, tower.width);
    mlp_width = std::max<int64_t>(mlp_width, tower.mlp_width);
    attention_floats_ =
        std::max(attention_floats_, attention_floats(length, tower.width / tower.heads));
  }
  struct Piece {
    float** where;
    int64_t floats;
  };
  const Piece pieces[] = {{&x, rows * width},
                          {&kept, sequences * width},
                          {&normed, rows * width},
                          {&query, rows * width},
                          {&key_value, rows * 2 * width},
                          {&hidden, std::max(rows * mlp_width, gathered_floats)},
                          {&attention_, threads * attention_floats_}};
  // Whole cache lines each.
  const auto bytes = [](int64_t floats) { return (size_t(floats) * sizeof(float) + 63) / 64 * 64; };
  size_t all = 0;
  for (const Piece& piece : pieces) all += bytes(piece.floats);
  memory_ = std::make_unique<Arena>(all);
  size_t offset = 0;
  for (const Piece& piece : pieces) {
    *piece.where = memory_->at(offset);
    offset += bytes(piece.floats);
  }
  gathered = hidden;
}

Transformer::Transformer(const ClipNetwork& network, const std::string& prefix,
                         const ClipTower& tower, bool causal)
    : width_(tower.width), heads_(tower.heads), activation_(tower.activation), causal_(causal) {
  for (int i = 0; i < tower.layers; ++i) {
    const std::string name = prefix + ".resblocks." + std::to_string(i);
    blocks_.push_back({CpuLayerNorm(network, name + ".ln_1"), CpuLayerNorm(network, name + ".ln_2"),
                       projection(network, name + ".attn.in_proj", width_, 0, width_),
                       projection(network, name + ".attn.in_proj", width_, width_, 2 * width_),
                       linear(network, name + ".attn.out_proj"),
                       linear(network, name + ".mlp.c_fc"), linear(network, name + ".mlp.c_proj")});
  }
}

void Transformer::mlp(const Block& block, int64_t rows, float* x, Workspace& work) const {
  const int m = static_cast<int>(rows), hidden = block.fc_1.out();
  block.norm_2.apply(rows, {x, width_}, work.normed, width_);
  block.fc_1.apply(m, {work.normed, width_}, work.hidden, hidden, activation_);
  block.fc_2.apply(m, {work.hidden, hidden}, x, width_, {}, {x, width_});
}

void Transformer::run_block(const Block& block, const Sequences& sequences, Workspace& work) const {
  const int64_t rows = sequences.rows();
  const int m = static_cast<int>(rows);
  block.norm_1.apply(rows, {work.x, width_}, work.normed, width_);
  block.query.apply(m, {work.normed, width_}, work.query, width_);
  block.key_value.apply(m, {work.normed, width_}, work.key_value, 2 * width_);
  const int head_width = width_ / heads_;
#pragma omp parallel for collapse(2) schedule(dynamic)
  for (int s = 0; s < sequences.count(); ++s)
    for (int h = 0; h < heads_; ++h) {
      const int64_t first = sequences.first[size_t(s)], column = int64_t{h} * head_width;
      const int length = static_cast<int>(sequences.first[size_t(s) + 1] - first);
      const float* key = work.key_value + first * 2 * width_ + column;
      attend({head_width,
              length,
              length,
              0,
              causal_,
              {work.query + first * width_ + column, width_},
              {key, 2 * width_},
              {key + width_, 2 * width_},
              work.normed + first * width_ + column,
              width_},
             work.attention(omp_get_thread_num()));
    }
  block.out.apply(m, {work.normed, width_}, work.x, width_, {}, {work.x, width_});
  mlp(block, rows, work.x, work);
}

void Transformer::run_last_block(const Block& block, const Sequences& sequences,
                                 Workspace& work) const {
  const int n = sequences.count(), head_width = width_ / heads_;
  block.norm_1.apply(sequences.rows(), {work.x, width_}, work.normed, width_);
  block.key_value.apply(static_cast<int>(sequences.rows()), {work.normed, width_}, work.key_value,
                        2 * width_);
  for (int s = 0; s < n; ++s) {
    const int64_t row = sequences.kept[size_t(s)];
    std::copy_n(work.x + row * width_, width_, work.kept + int64_t{s} * width_);
    std::copy_n(work.normed + row * width_, width_, work.hidden + int64_t{s} * width_);
  }
  block.query.apply(n, {work.hidden, width_}, work.query, width_);
#pragma omp parallel for collapse(2) schedule(dynamic)
  for (int s = 0; s < n; ++s)
    for (int h = 0; h < heads_; ++h) {
      const int64_t first = sequences.first[size_t(s)], column = int64_t{h} * head_width;
      const float* key = work.key_value + first * 2 * width_ + column;
      attend({head_width,
              static_cast<int>(sequences.first[size_t(s) + 1] - first),
              1,
              static_cast<int>(sequences.kept[size_t(s)] - first),
              causal_,
              {work.query + int64_t{s} * width_ + column, width_},
              {key, 2 * width_},
              {key + width_, 2 * width_},
              work.normed + int64_t{s} * width_ + column,
              width_},
             work.attention(omp_get_thread_num()));
    }
  block.out.apply(n, {work.normed, width_}, work.kept, width_, {}, {work.kept, width_});
  mlp(block, n, work.kept, work);
}

void Transformer::run(const Sequences& sequences, Workspace& work, const BlockTap& tap) const {
  const size_t whole = tap ? blocks_.size() : blocks_.size() - 1;
  for (size_t i = 0; i < whole; ++i) {
    run_block(blocks_[i], sequences, work);
    if (tap) tap(static_cast<int>(i));
  }
  if (!tap) return run_last_block(blocks_.back(), sequences, work);
  for (int s = 0; s < sequences.count(); ++s)
    std::copy_n(work.x + sequences.kept[size_t(s)] * width_, width_,
                work.kept + int64_t{s} * width_);
}

}  // namespace vernissage::cpu
