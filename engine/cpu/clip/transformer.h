// The stack of transformer blocks that both towers are made of, on the CPU.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/clip/clip_network.h"
#include "engine/cpu/clip/matmul.h"

namespace vernissage::cpu {

/// y = (x - mean) / sqrt(variance + eps) · weight + bias, row by row; the variance is biased and
/// taken in a second pass over the row: E[x²] - E[x]² would lose all of it where the mean is large.
/// Source: Ba et al. 2016, "Layer Normalization", eq. 4.
class CpuLayerNorm {
 public:
  /// From NAME.weight and NAME.bias, (W) each.
  CpuLayerNorm(const ClipNetwork& network, const std::string& name);
  /// x and y (M, W); y may be x.
  void apply(int64_t m, Rows x, float* y, int64_t y_stride) const;

 private:
  std::vector<float> weight_, bias_;
  float eps_;
};

/// Several sequences one after the other in the rows of a matrix. Lengths may differ.
struct Sequences {
  std::vector<int64_t> first;  // row where each begins; one more: where the last ends
  std::vector<int64_t> kept;   // the one row of each whose value leaves the tower

  int count() const { return static_cast<int>(kept.size()); }
  int64_t rows() const { return first.back(); }
};

/// Memory of one pass; one for all towers of an encoder.
class Workspace {
 public:
  /// For this many rows and sequences through any of `towers`, sequences of at most `length` rows,
  /// by `threads`. `gathered`: floats besides, for what a tower's first layer reads.
  Workspace(int64_t rows, int sequences, int length, int threads, int64_t gathered,
            std::initializer_list<ClipTower> towers);

  float* x;         // (rows, W) the residual stream
  float* kept;      // (sequences, W) it again, of the kept rows alone
  float* gathered;  // shares its memory with hidden: not used at the same time
  // Inside a block:
  float* normed;     // (rows, W); then what attention gives
  float* query;      // (rows, W)
  float* key_value;  // (rows, 2 W)
  float* hidden;     // (rows, M)
  float* attention(int thread) const { return attention_ + thread * attention_floats_; }

 private:
  std::unique_ptr<Arena> memory_;
  float* attention_;
  int64_t attention_floats_;
};

/// x += OutProj(attention(LN1(x))), x += FC2(act(FC1(LN2(x)))), L times. Source: Radford et al.
/// 2021, section 2.4, after Vaswani et al. 2017, "Attention Is All You Need", with the norms before
/// the layers.
class Transformer {
 public:
  /// Blocks PREFIX.resblocks.0 … L - 1. `causal`: a row sees itself and the rows before it.
  Transformer(const ClipNetwork& network, const std::string& prefix, const ClipTower& tower,
              bool causal);

  /// Called after block i with work.x.
  using BlockTap = std::function<void(int block)>;
  /// work.x (rows, W) through all blocks; the kept rows of the result to work.kept (count, W).
  /// Without a tap the last block makes only those, and x is left as it entered it.
  void run(const Sequences& sequences, Workspace& work, const BlockTap& tap) const;

 private:
  struct Block {
    CpuLayerNorm norm_1, norm_2;
    Linear query, key_value, out, fc_1, fc_2;
  };
  void run_block(const Block& block, const Sequences& sequences, Workspace& work) const;
  void run_last_block(const Block& block, const Sequences& sequences, Workspace& work) const;
  void mlp(const Block& block, int64_t rows, float* x, Workspace& work) const;

  int width_, heads_;
  ClipActivation activation_;
  bool causal_;
  std::vector<Block> blocks_;
};

}  // namespace vernissage::cpu
