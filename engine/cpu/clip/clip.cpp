// Several samples go through a layer together, as many as keep its activations near: the weights
// are read from memory once for all of them. No sum runs over samples, and a sum's order does not
// depend on their number (matmul.h), so an embedding is the same alone and in any company.
#include "engine/cpu/clip/clip.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <exception>

#include "base/error.h"
#include "engine/clip/preprocess.h"
#include "engine/cpu/clip/transformer.h"

namespace vernissage {

namespace {

using namespace cpu;

// Rows that pass through a layer together: the widest activation of ViT-B/32 is then 12 MB.
constexpr int kRowsOfPass = 1024;

const std::vector<float>& values(const ClipNetwork& network, const std::string& name) {
  return network.at(name).values;
}

/// Patches as rows of what the convolution sees, (N · (S/p)², 3 · p · p): channel, row, column.
void gather_patches(int n, const ClipConfig& config, const float* pixels, float* rows) {
  const int size = config.image_size, p = config.patch_size, side = size / p;
#pragma omp parallel for schedule(static)
  for (int64_t patch = 0; patch < int64_t{n} * side * side; ++patch) {
    const int64_t image = patch / (side * side), y = patch / side % side, x = patch % side;
    float* to = rows + patch * 3 * p * p;
    for (int c = 0; c < 3; ++c)
      for (int i = 0; i < p; ++i, to += p)
        std::copy_n(pixels + ((image * 3 + c) * size + y * p + i) * size + x * p, p, to);
  }
}

/// Rows scaled to length 1; the sum of squares in double. Throws Error naming `what` for a row
/// without a direction: weights too large for float32, or a projection that is zero.
void make_unit_rows(int n, int width, float* rows, const char* what) {
  for (int row = 0; row < n; ++row) {
    float* values_of = rows + int64_t{row} * width;
    double squares = 0;
    for (int i = 0; i < width; ++i) squares += double{values_of[i]} * values_of[i];
    if (!(squares > 0) || !std::isfinite(squares))
      throw Error(std::string(what) + " " + std::to_string(row) +
                  ": its embedding has no direction: the network gives zero or no finite values");
    const double scale = 1 / std::sqrt(squares);
    for (int i = 0; i < width; ++i) values_of[i] = static_cast<float>(values_of[i] * scale);
  }
}

class CpuClipEncoder final : public ClipEncoder {
 public:
  CpuClipEncoder(const ClipNetwork& network, int threads, int batch_max)
      : ClipEncoder(network.config),
        threads_(threads ? threads : omp_get_num_procs()),
        batch_max_(batch_max),
        images_of_pass_(std::clamp(kRowsOfPass / config().image_tokens(), 1, batch_max)),
        rows_max_(std::max({kRowsOfPass, config().image_tokens(), config().context})),
        work_(rows_max_, batch_max, std::max(config().image_tokens(), config().context), threads_,
              int64_t{images_of_pass_} * 3 * config().image_size * config().image_size,
              {config().vision, config().text}),
        class_embedding_(values(network, "visual.class_embedding")),
        image_positions_(values(network, "visual.positional_embedding")),
        patches_(3 * config().patch_size * config().patch_size, config().vision.width,
                 values(network, "visual.conv1.weight"), {}),
        norm_before_(network, "visual.ln_pre"),
        vision_(network, "visual.transformer", config().vision, /*causal=*/false),
        norm_after_(network, "visual.ln_post"),
        image_projection_(config().vision.width, config().embedding, values(network, "visual.proj"),
                          {},
                          /*transposed=*/true),
        token_embedding_(values(network, "token_embedding.weight")),
        text_positions_(values(network, "positional_embedding")),
        text_(network, "transformer", config().text, /*causal=*/true),
        text_norm_(network, "ln_final"),
        text_projection_(config().text.width, config().embedding,
                         values(network, "text_projection"), {},
                         /*transposed=*/true) {}

  std::string describe() const override {
    return "cpu: matrix products of our own, " + std::to_string(kBlock) + " lanes, " +
           std::to_string(threads_) + (threads_ == 1 ? " thread" : " threads") + ", f32";
  }
  std::vector<float> embed_images(int n, int height, int width,
                                  std::span<const uint8_t> rgb) override;
  std::vector<float> embed_pixels(int n, std::span<const float> pixels) override;
  std::vector<float> embed_tokens(std::span<const std::vector<int32_t>> texts) override;
  void set_tap(ClipTap tap) override { tap_ = std::move(tap); }

 private:
  int64_t pixels_of_image() const { return int64_t{3} * config().image_size * config().image_size; }
  void show(const std::string& name, const float* from, int n, int tokens, int channels) const;
  void show_block(const char* tower, int block, int n, int tokens, int channels) const;
  void embed_pass(int n, const float* pixels, float* out);
  void embed_pass(std::span<const std::vector<int32_t>> texts, float* out);

  int threads_, batch_max_, images_of_pass_, rows_max_;
  Workspace work_;
  std::vector<float> class_embedding_, image_positions_;  // (W), (T, W)
  Linear patches_;
  CpuLayerNorm norm_before_;
  Transformer vision_;
  CpuLayerNorm norm_after_;
  Linear image_projection_;
  std::vector<float> token_embedding_, text_positions_;  // (V, W), (context, W)
  Transformer text_;
  CpuLayerNorm text_norm_;
  Linear text_projection_;
  ClipTap tap_;
};

void CpuClipEncoder::show(const std::string& name, const float* from, int n, int tokens,
                          int channels) const {
  if (tap_)
    tap_(name, std::vector<float>(from, from + int64_t{n} * tokens * channels), tokens, channels);
}

void CpuClipEncoder::show_block(const char* tower, int block, int n, int tokens,
                                int channels) const {
  show(std::string(tower) + ".block." + std::to_string(block) + ".out", work_.x, n, tokens,
       channels);
}

std::vector<float> CpuClipEncoder::embed_images(int n, int height, int width,
                                                std::span<const uint8_t> rgb) {
  const size_t bytes = size_t(height) * size_t(width) * 3;
  if (n < 1 || height < 1 || width < 1 || rgb.size() != size_t(n) * bytes)
    throw Error("pictures: expected " + std::to_string(n) + " x " + std::to_string(height) + " x " +
                std::to_string(width) + " x 3 bytes, got " + std::to_string(rgb.size()));
  const ThreadsOf threads(threads_);
  std::vector<float> out(size_t(n) * size_t(config().embedding));
  std::vector<float> pixels(size_t(std::min(n, images_of_pass_)) * size_t(pixels_of_image()));
  for (int begin = 0; begin < n; begin += images_of_pass_) {
    const int count = std::min(images_of_pass_, n - begin);
    std::exception_ptr failed;  // none may leave the loop's threads
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < count; ++i) try {
        const auto one = rgb.subspan(size_t(begin + i) * bytes, bytes);
        normalise(resize_and_crop(one, height, width, config().image_size), config(),
                  std::span(pixels).subspan(size_t(i) * size_t(pixels_of_image()),
                                            size_t(pixels_of_image())));
      } catch (...) {
#pragma omp critical(vernissage_clip_failed)
        failed = std::current_exception();
      }
    if (failed) std::rethrow_exception(failed);
    embed_pass(count, pixels.data(), out.data() + size_t(begin) * size_t(config().embedding));
  }
  return out;
}

std::vector<float> CpuClipEncoder::embed_pixels(int n, std::span<const float> pixels) {
  if (n < 1 || pixels.size() != size_t(n) * size_t(pixels_of_image()))
    throw Error("pixels: expected " + std::to_string(n) + " x 3 x " +
                std::to_string(config().image_size) + " x " + std::to_string(config().image_size) +
                " values, got " + std::to_string(pixels.size()));
  const ThreadsOf threads(threads_);
  std::vector<float> out(size_t(n) * size_t(config().embedding));
  for (int begin = 0; begin < n; begin += images_of_pass_)
    embed_pass(std::min(images_of_pass_, n - begin), pixels.data() + begin * pixels_of_image(),
               out.data() + size_t(begin) * size_t(config().embedding));
  return out;
}

void CpuClipEncoder::embed_pass(int n, const float* pixels, float* out) {
  const int width = config().vision.width, tokens = config().image_tokens(), count = tokens - 1;
  gather_patches(n, config(), pixels, work_.gathered);
  patches_.apply(n * count, {work_.gathered, patches_.in()}, work_.normed, width);
  show("vision.patch_embed", work_.normed, n, count, width);

  Sequences sequences;
  for (int64_t i = 0; i <= n; ++i) sequences.first.push_back(i * tokens);
  sequences.kept.assign(sequences.first.begin(), sequences.first.end() - 1);  // token 0, the class
#pragma omp parallel for schedule(static)
  for (int64_t row = 0; row < int64_t{n} * tokens; ++row) {
    const int64_t token = row % tokens;
    const float* from = token == 0 ? class_embedding_.data()
                                   : work_.normed + (row / tokens * count + token - 1) * width;
    const float* position = image_positions_.data() + token * width;
    for (int c = 0; c < width; ++c) work_.x[row * width + c] = from[c] + position[c];
  }
  show("vision.embeddings", work_.x, n, tokens, width);
  norm_before_.apply(sequences.rows(), {work_.x, width}, work_.x, width);
  show("vision.pre_ln", work_.x, n, tokens, width);
  Transformer::BlockTap tap;
  if (tap_) tap = [&](int block) { show_block("vision", block, n, tokens, width); };
  vision_.run(sequences, work_, tap);

  norm_after_.apply(n, {work_.kept, width}, work_.kept, width);
  show("vision.pooled", work_.kept, n, 1, width);
  image_projection_.apply(n, {work_.kept, width}, out, config().embedding);
  make_unit_rows(n, config().embedding, out, "picture");
}

std::vector<float> CpuClipEncoder::embed_tokens(std::span<const std::vector<int32_t>> texts) {
  for (size_t i = 0; i < texts.size(); ++i) end_of(texts[i], i);
  const ThreadsOf threads(threads_);
  std::vector<float> out(texts.size() * size_t(config().embedding));
  size_t begin = 0;
  while (begin < texts.size()) {
    // As many as fit, each at its own length; all at full length when they are shown.
    size_t end = begin;
    for (int64_t rows = 0; end < texts.size() && end - begin < size_t(batch_max_); ++end) {
      rows += tap_ ? config().context : end_of(texts[end], end) + 1;
      if (rows > rows_max_) break;
    }
    embed_pass(texts.subspan(begin, end - begin), out.data() + begin * size_t(config().embedding));
    begin = end;
  }
  return out;
}

void CpuClipEncoder::embed_pass(std::span<const std::vector<int32_t>> texts, float* out) {
  const int n = static_cast<int>(texts.size()), width = config().text.width;
  Sequences sequences;
  sequences.first.push_back(0);
  for (size_t i = 0; i < texts.size(); ++i) {
    // Nothing behind the end reaches it; padding is there for the eye alone.
    const int64_t end = end_of(texts[i], i), first = sequences.first.back();
    const int64_t length = tap_ ? config().context : end + 1;
    for (int64_t token = 0; token < length; ++token) {
      const int32_t id = token < int64_t(texts[i].size()) ? texts[i][size_t(token)] : 0;
      const float* from = token_embedding_.data() + int64_t{id} * width;
      const float* position = text_positions_.data() + token * width;
      for (int c = 0; c < width; ++c) work_.x[(first + token) * width + c] = from[c] + position[c];
    }
    sequences.kept.push_back(first + end);
    sequences.first.push_back(first + length);
  }
  Transformer::BlockTap tap;
  if (tap_) {
    show("text.embeddings", work_.x, n, config().context, width);
    tap = [&](int block) { show_block("text", block, n, config().context, width); };
  }
  text_.run(sequences, work_, tap);
  if (tap_) {
    text_norm_.apply(sequences.rows(), {work_.x, width}, work_.x, width);
    show("text.final_ln", work_.x, n, config().context, width);
  }
  text_norm_.apply(n, {work_.kept, width}, work_.kept, width);
  show("text.pooled", work_.kept, n, 1, width);
  text_projection_.apply(n, {work_.kept, width}, out, config().embedding);
  make_unit_rows(n, config().embedding, out, "text");
}

}  // namespace

std::unique_ptr<ClipEncoder> make_cpu_clip_encoder(const ClipNetwork& network, int threads,
                                                   int batch_max) {
  check(network);
  if (batch_max < 1) throw Error("batch: expected 1 or more, got " + std::to_string(batch_max));
  const ThreadsOf packing(threads ? threads : omp_get_num_procs());
  return std::make_unique<CpuClipEncoder>(network, threads, batch_max);
}

}  // namespace vernissage
