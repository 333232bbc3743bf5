// The two towers as launches and products on one stream. Linked with the CUDA runtime and cuBLAS
// they run on a device, with the emulations of both they are tested without one.
#include "engine/cuda/clip/clip.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "engine/clip/preprocess.h"
#include "engine/cuda/arena.h"
#include "engine/cuda/batches.h"
#include "engine/cuda/clip/scaling.h"
#include "engine/cuda/clip/tower.h"
#include "engine/stylegan2/generator.h"
#include "kernels/launches.h"

namespace vernissage {
namespace {

// Samples of a pass: as many as keep a device busy, 64 pictures of ViT-B/32 or 32 of ViT-L/14.
constexpr int kPassRowsMax = 32 * 257;
constexpr int kPassSamplesMax = 64;

int pass_of(int tokens) {
  int samples = kPassSamplesMax;
  while (samples > 1 && samples * tokens > kPassRowsMax) samples /= 2;
  return samples;
}

template <class T>
class CudaClipEncoder final : public CudaClip {
 public:
  explicit CudaClipEncoder(const ClipNetwork& network);

  std::string describe() const override;
  std::vector<float> embed_images(int n, int height, int width,
                                  std::span<const uint8_t> rgb) override;
  std::vector<float> embed_pixels(int n, std::span<const float> pixels) override;
  std::vector<float> embed_tokens(std::span<const std::vector<int32_t>> texts) override;
  std::vector<float> embed_painted(Generator& generator, std::span<const float> ws,
                                   const Noise& noise) override;
  void set_tap(ClipTap tap) override { tap_ = std::move(tap); }
  int pictures_of_pass() const override { return pictures_max_; }
  void embed_again() override {
    patches_of(pictures_max_, /*from_values=*/false);
    execute(image_recording_, [&] { image_tower(pictures_max_); });
  }

 private:
  /// A tower's recorded pass; the sizes of passes on a device are fixed.
  using Recording = std::optional<DeviceGraph>;

  void plan_memory();
  size_t values_of_picture() const {
    return size_t{3} * static_cast<size_t>(config().image_size) *
           static_cast<size_t>(config().image_size);
  }
  static int rows_for(int asked, int most) {
    return DeviceProducts::depend_on_rows() ? most : bucket_of(asked);
  }
  void patches_of(int n, bool from_values);
  void image_tower(int n);
  void text_tower(int n);
  template <class Forward>
  void execute(Recording& recording, const Forward& forward);
  void begin();
  void start_images(int asked, bool from_values);
  void finish(const char* what, std::vector<float>& embeddings);
  template <class U>
  void show(const std::string& name, const U* values, int tokens, int channels);

  DeviceRuntime runtime_;
  DeviceProducts products_{runtime_};
  const bool tensor_cores_ = std::is_same_v<T, f16> && runtime_.conv_path() == ConvPath::mma;
  ClipWeights<T> weights_;
  ClipBlocks<T> vision_, text_;
  const int pictures_max_, texts_max_;  // of a pass

  DeviceMemory memory_;
  ClipBuffers<T> buffers_;
  T* patches_ = nullptr;       // (N, G², columns)
  float* embedded_ = nullptr;  // (N, G², W): patches times their weight
  uint8_t* crops_ = nullptr;   // (N, S, S, 3)
  float* values_ = nullptr;    // (N, 3, S, S)
  int32_t* ids_ = nullptr;     // (N, context)
  int32_t* ends_ = nullptr;    // (N): rows of x
  float* result_ = nullptr;    // (N, E)
  PinnedMemory staging_, result_staging_;
  DeviceScaling scaling_;

  Recording image_recording_, text_recording_;
  int asked_ = 0;    // samples under way; 0: none
  size_t done_ = 0;  // samples read since the call began, for messages
  ClipTap tap_;
};

void require_multiple_of_4(const char* field, int value) {
  if (value % 4 != 0)
    throw Error("CLIP on CUDA: " + std::string(field) + ": expected a multiple of 4, got " +
                std::to_string(value));
}
void require_at_most(const std::string& field, int value, int most) {
  if (value > most)
    throw Error("CLIP on CUDA: " + field + ": expected at most " + std::to_string(most) + ", got " +
                std::to_string(value));
}

/// The rules of clip_ops.h that check(network) does not know, said in the network's words.
const ClipNetwork& checked(const ClipNetwork& network) {
  check(network);
  for (const auto& [name, tower, tokens] :
       {std::tuple{"vision", network.config.vision, network.config.image_tokens()},
        std::tuple{"text", network.config.text, network.config.context}}) {
    const std::string prefix = std::string(name) + " ";
    require_multiple_of_4((prefix + "width").c_str(), tower.width);
    require_multiple_of_4((prefix + "mlp_width").c_str(), tower.mlp_width);
    require_at_most(prefix + "width", tower.width, 2048);
    require_at_most(prefix + "head width", tower.width / tower.heads, 256);
    require_at_most(prefix + "tokens", tokens, 1024);
  }
  return network;
}

template <class T>
CudaClipEncoder<T>::CudaClipEncoder(const ClipNetwork& network)
    : CudaClip(checked(network).config),
      weights_(network, runtime_),
      vision_(config().vision, config().image_tokens(), /*causal=*/false, config().layer_norm_eps,
              weights_.vision, tensor_cores_),
      text_(config().text, config().context, /*causal=*/true, config().layer_norm_eps,
            weights_.text, tensor_cores_),
      pictures_max_(pass_of(config().image_tokens())),
      texts_max_(pass_of(config().context)),
      scaling_(runtime_) {
  plan_memory();
}

template <class T>
void CudaClipEncoder<T>::plan_memory() {
  const auto size = [](int value) { return static_cast<size_t>(value); };
  const size_t pictures = size(pictures_max_), texts = size(texts_max_);
  const size_t image_rows = pictures * size(config().image_tokens());
  const size_t text_rows = texts * size(config().context);
  const size_t patch_rows = pictures * size(config().image_tokens() - 1);
  const auto widest = [](const ClipTower& tower) {
    return std::max(3 * tower.width, tower.mlp_width);
  };
  const size_t stream =
      std::max(image_rows * size(config().vision.width), text_rows * size(config().text.width));
  const size_t wide =
      std::max(image_rows * size(widest(config().vision)), text_rows * size(widest(config().text)));
  const size_t most = std::max(pictures, texts);
  ArenaPlan plan;
  plan.take(stream, &buffers_.x);
  plan.take(stream, &buffers_.narrow);
  plan.take(wide, &buffers_.wide);
  plan.take(patch_rows * size(weights_.patch_columns), &patches_);
  plan.take(patch_rows * size(config().vision.width), &embedded_);
  plan.take(pictures * values_of_picture(), &crops_);
  plan.take(pictures * values_of_picture(), &values_);
  plan.take(text_rows, &ids_);
  plan.take(texts, &ends_);
  plan.take(most * size(config().embedding), &result_);
  memory_ = plan.allocate("the activations of CLIP");
  // Places of a pass that nobody fills hold numbers, and words that exist.
  runtime_.zero(memory_.data(), memory_.bytes());
  const size_t staged = std::max(pictures * values_of_picture() * sizeof(float),
                                 (text_rows + texts) * sizeof(int32_t));
  staging_ = PinnedMemory(staged, "the inputs of CLIP");
  result_staging_ = PinnedMemory(most * size(config().embedding) * sizeof(float), "embeddings");
}

template <class T>
std::string CudaClipEncoder<T>::describe() const {
  return "cuda: " + runtime_.describe() + ", " + products_.describe() + ", attention " +
         (tensor_cores_ ? "on tensor cores" : "without tensor cores") + ", " +
         std::to_string(pictures_max_) + " pictures a pass, " +
         (std::is_same_v<T, f16> ? "f16" : "f32");
}

/// Values of the samples that were asked for, for those who look.
template <class T>
template <class U>
void CudaClipEncoder<T>::show(const std::string& name, const U* values, int tokens, int channels) {
  if (!tap_) return;
  std::vector<U> stored(static_cast<size_t>(asked_) * static_cast<size_t>(tokens) *
                        static_cast<size_t>(channels));
  runtime_.to_host(stored.data(), values, stored.size() * sizeof(U));
  runtime_.synchronize();
  std::vector<float> floats;
  floats.reserve(stored.size());
  for (const U value : stored) floats.push_back(to_float(value));
  tap_(name, floats, tokens, channels);
}

template <class T>
void CudaClipEncoder<T>::patches_of(int n, bool from_values) {
  ImagePatches<T> op;
  op.x = from_values ? nullptr : crops_;
  op.values = from_values ? values_ : nullptr;
  op.y = patches_;
  op.n = n;
  op.size = config().image_size;
  op.patch = config().patch_size;
  op.columns = weights_.patch_columns;
  std::copy(config().mean.begin(), config().mean.end(), op.mean);
  std::copy(config().std_dev.begin(), config().std_dev.end(), op.std_dev);
  image_patches(op, runtime_.stream());
}

template <class T>
void CudaClipEncoder<T>::image_tower(int n) {
  const Stream stream = runtime_.stream();
  const int w = config().vision.width, tokens = config().image_tokens();
  const int columns = weights_.patch_columns;
  products_.run(MatrixProduct<T, float>{patches_, weights_.patch, embedded_, n * (tokens - 1), w,
                                        columns, columns, w});
  show("vision.patch_embed", embedded_, tokens - 1, w);
  add_positions(
      {embedded_, weights_.class_token, weights_.vision.position, buffers_.x, n, tokens, w},
      stream);
  show("vision.embeddings", buffers_.x, tokens, w);
  LayerNorm<float> first;
  first.x = first.y = buffers_.x;
  first.stride = first.w = w;
  first.weight = weights_.first_norm.weight;
  first.bias = weights_.first_norm.bias;
  first.m = n * tokens;
  first.eps = config().layer_norm_eps;
  layer_norm(first, stream);
  show("vision.pre_ln", buffers_.x, tokens, w);
  std::function<void(int)> shown;
  if (tap_)
    shown = [&](int block) {
      show("vision.block." + std::to_string(block) + ".out", buffers_.x, tokens, w);
    };
  vision_.run(n, tap_ ? tokens : 1, buffers_, products_, stream, shown);
  vision_.project(n, nullptr, tokens * w, config().embedding, buffers_, result_, products_, stream);
  show("vision.pooled", buffers_.narrow, 1, w);
  l2_normalize({result_, n, config().embedding}, stream);
}

template <class T>
void CudaClipEncoder<T>::text_tower(int n) {
  const Stream stream = runtime_.stream();
  const int w = config().text.width, tokens = config().context;
  token_embedding(
      TokenEmbedding<T>{ids_, weights_.words, weights_.text.position, buffers_.x, n, tokens, w},
      stream);
  show("text.embeddings", buffers_.x, tokens, w);
  std::function<void(int)> shown;
  if (tap_)
    shown = [&](int block) {
      show("text.block." + std::to_string(block) + ".out", buffers_.x, tokens, w);
    };
  text_.run(n, tokens, buffers_, products_, stream, shown);
  if (tap_) {
    text_.norm(n * tokens, w, weights_.text.last_norm, nullptr, nullptr, buffers_, stream);
    show("text.final_ln", buffers_.narrow, tokens, w);
  }
  text_.project(n, ends_, w, config().embedding, buffers_, result_, products_, stream);
  show("text.pooled", buffers_.narrow, 1, w);
  l2_normalize({result_, n, config().embedding}, stream);
}

/// Runs the forward pass, or the record of it.
template <class T>
template <class Forward>
void CudaClipEncoder<T>::execute(Recording& recording, const Forward& forward) {
  if (tap_ || !DeviceRuntime::can_record()) {
    forward();
    return;
  }
  if (!recording) {
    // The driver loads a kernel at its first launch, and loading is not allowed while recording.
    forward();
    runtime_.synchronize();
    recording = runtime_.record([&] {
      const SeparateLaunches separate;
      forward();
    });
  }
  runtime_.replay(*recording);
}

/// What a call that failed has left under way is nobody's any more.
template <class T>
void CudaClipEncoder<T>::begin() {
  if (asked_ > 0) runtime_.synchronize();
  asked_ = 0;
  done_ = 0;
}

/// Embeds the first `asked` pictures in crops_ or values_, into the staging memory.
template <class T>
void CudaClipEncoder<T>::start_images(int asked, bool from_values) {
  VERNISSAGE_ASSERT(asked_ == 0 && asked >= 1 && asked <= pictures_max_);
  asked_ = asked;
  const int n = rows_for(asked, pictures_max_);
  patches_of(n, from_values);
  execute(image_recording_, [&] { image_tower(n); });
  runtime_.to_host(
      result_staging_.data(), result_,
      static_cast<size_t>(asked) * static_cast<size_t>(config().embedding) * sizeof(float));
}

/// Waits for what is under way, if anything, and appends it. Throws Error for a result without a
/// direction.
template <class T>
void CudaClipEncoder<T>::finish(const char* what, std::vector<float>& embeddings) {
  if (asked_ == 0) return;
  runtime_.synchronize();
  const auto width = static_cast<size_t>(config().embedding);
  const auto* values = reinterpret_cast<const float*>(result_staging_.data());
  const auto count = static_cast<size_t>(std::exchange(asked_, 0));
  for (size_t row = 0; row < count; ++row) {
    double squares = 0;
    for (size_t i = 0; i < width; ++i)
      squares += double{values[row * width + i]} * values[row * width + i];
    // Zeros became not-a-number and infinite lengths zero on the device.
    if (!(squares > 0.5))
      throw Error(std::string(what) + " " + std::to_string(done_ + row) +
                  ": its embedding has no direction: the network gives zero or no finite values");
  }
  embeddings.insert(embeddings.end(), values, values + count * width);
  done_ += count;
}

template <class T>
std::vector<float> CudaClipEncoder<T>::embed_images(int n, int height, int width,
                                                    std::span<const uint8_t> rgb) {
  const size_t bytes = static_cast<size_t>(height) * static_cast<size_t>(width) * 3;
  if (n < 1 || height < 1 || width < 1 || rgb.size() != static_cast<size_t>(n) * bytes)
    throw Error("pictures: expected " + std::to_string(n) + " x " + std::to_string(height) + " x " +
                std::to_string(width) + " x 3 bytes, got " + std::to_string(rgb.size()));
  std::vector<float> embeddings;
  begin();
  for (int begin = 0; begin < n; begin += pictures_max_) {
    const int count = std::min(pictures_max_, n - begin);
    for (int k = 0; k < count; ++k) {
      const std::vector<uint8_t> crop =
          resize_and_crop(rgb.subspan(static_cast<size_t>(begin + k) * bytes, bytes), height, width,
                          config().image_size);
      std::memcpy(staging_.data() + static_cast<size_t>(k) * crop.size(), crop.data(), crop.size());
    }
    runtime_.to_device(crops_, staging_.data(), static_cast<size_t>(count) * values_of_picture());
    start_images(count, /*from_values=*/false);
    finish("picture", embeddings);
  }
  return embeddings;
}

template <class T>
std::vector<float> CudaClipEncoder<T>::embed_pixels(int n, std::span<const float> pixels) {
  const size_t values = values_of_picture();
  if (n < 1 || pixels.size() != static_cast<size_t>(n) * values)
    throw Error("pixels: expected " + std::to_string(n) + " x 3 x " +
                std::to_string(config().image_size) + " x " + std::to_string(config().image_size) +
                " values, got " + std::to_string(pixels.size()));
  std::vector<float> embeddings;
  begin();
  for (int begin = 0; begin < n; begin += pictures_max_) {
    const int count = std::min(pictures_max_, n - begin);
    const std::span<const float> part =
        pixels.subspan(static_cast<size_t>(begin) * values, static_cast<size_t>(count) * values);
    std::memcpy(staging_.data(), part.data(), part.size_bytes());
    runtime_.to_device(values_, staging_.data(), part.size_bytes());
    start_images(count, /*from_values=*/true);
    finish("picture", embeddings);
  }
  return embeddings;
}

template <class T>
std::vector<float> CudaClipEncoder<T>::embed_tokens(std::span<const std::vector<int32_t>> texts) {
  const auto tokens = static_cast<size_t>(config().context);
  std::vector<float> embeddings;
  begin();
  for (size_t i = 0; i < texts.size(); ++i) end_of(texts[i], i);  // before anything is begun
  for (size_t begin = 0; begin < texts.size(); begin += static_cast<size_t>(texts_max_)) {
    asked_ = static_cast<int>(std::min(static_cast<size_t>(texts_max_), texts.size() - begin));
    const int n = rows_for(asked_, texts_max_);
    // What follows a text's end is padding, to which attention does not look back; texts that are
    // not there are padding altogether.
    auto* ids = reinterpret_cast<int32_t*>(staging_.data());
    const size_t count = static_cast<size_t>(n) * tokens;
    int32_t* const ends = ids + count;
    std::fill(ids, ends + n, 0);
    for (size_t k = 0; k < static_cast<size_t>(asked_); ++k) {
      const std::vector<int32_t>& text = texts[begin + k];
      const auto end = static_cast<size_t>(end_of(text, begin + k));
      std::copy_n(text.begin(), tap_ ? std::min(text.size(), tokens) : end + 1, ids + k * tokens);
      ends[k] = static_cast<int32_t>(k * tokens + end);
    }
    runtime_.to_device(ids_, ids, count * sizeof(int32_t));
    runtime_.to_device(ends_, ends, static_cast<size_t>(n) * sizeof(int32_t));
    execute(text_recording_, [&] { text_tower(n); });
    runtime_.to_host(
        result_staging_.data(), result_,
        static_cast<size_t>(asked_) * static_cast<size_t>(config().embedding) * sizeof(float));
    finish("text", embeddings);
  }
  return embeddings;
}

/// Painting and embedding overlap: while a pass is embedded on this stream the generator's paints
/// the next batch. Only scaling reads the generator's pixels, and only for it the next batch waits.
template <class T>
std::vector<float> CudaClipEncoder<T>::embed_painted(Generator& generator,
                                                     std::span<const float> ws,
                                                     const Noise& noise) {
  if (!generator.backend().has_device_pictures() || generator.config().image_channels != 3)
    return ClipEncoder::embed_painted(generator, ws, noise);
  const auto side = static_cast<size_t>(generator.config().resolution);
  const int at_once = std::min(generator.batch_max(), pictures_max_);
  scaling_.prepare(generator.config().resolution, config().image_size, at_once);
  std::vector<float> embeddings;
  begin();
  int filled = 0;
  generator.paint_on_device(ws, noise, [&](size_t, size_t count, const DevicePictures& pictures) {
    runtime_.follow(pictures.stream);
    for (size_t taken = 0; taken < count;) {
      const int part = std::min(static_cast<int>(count - taken), pictures_max_ - filled);
      scaling_.run(part, pictures.pixels + taken * side * side * 3,
                   crops_ + static_cast<size_t>(filled) * values_of_picture());
      taken += static_cast<size_t>(part);
      filled += part;
      // Before the embedding is enqueued, for which painting need not wait.
      if (taken == count) runtime_.precede(pictures.stream);
      if (filled < pictures_max_) continue;
      finish("picture", embeddings);
      start_images(std::exchange(filled, 0), /*from_values=*/false);
    }
  });
  finish("picture", embeddings);
  if (filled > 0) {
    start_images(filled, /*from_values=*/false);
    finish("picture", embeddings);
  }
  return embeddings;
}

}  // namespace

std::unique_ptr<CudaClip> make_cuda_clip_encoder(const ClipNetwork& network, Precision precision,
                                                 int batch_max) {
  if (batch_max < 1) throw Error("batch: expected 1 or more, got " + std::to_string(batch_max));
  if (precision == Precision::f16) return std::make_unique<CudaClipEncoder<f16>>(network);
  return std::make_unique<CudaClipEncoder<float>>(network);
}

}  // namespace vernissage
