// The one seam between a network and the machine that runs it. generator.cpp says the forward pass
// over the layers once, in these operations; a backend (oneDNN on the CPU, our kernels on CUDA, the
// same kernels under the emulation) executes them.
//
// A backend holds one loaded network. Life: load() once, reserve() once, then any number of
// set_inputs(); run(forward); read_…(). Not thread-safe: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/network.h"

struct CUstream_st;

namespace vernissage {

enum class NoiseMode { constant, none, random };

/// What is read after a run: the float32 image, or bytes (the picture, previews) and nothing else.
enum class Output { values, bytes };

/// An activation buffer of the forward pass. All live in the backend's one arena.
enum class BufferId { a, b, c };

/// y = act(gain_w · W x + gain_b · b), gain included in act (activation_gain). One layer of the
/// mapping.
struct DenseSpec {
  std::string name;
  int in, out;
  std::span<const float> weight;  // (out, in), gains already multiplied in
  std::span<const float> bias;    // (out), gains already multiplied in
  Activation activation;
};

/// One layer of the synthesis network. Equations: Karras et al. 2020, sections 2.2 and 4.2.
///   convolution  y = clamp(gain · act(d · conv(s · x, W) + strength · noise + b)), conv transposed
///                with stride 2 and followed by the filter when `up`; d = rsqrt(Σ (W s)² + 1e-8)
///   to_rgb       y = clamp(conv1x1(s/√I · x, W) + b), no demodulation, no noise
///   skip         y = gain · up(conv1x1(x, W/√I)), no style, no bias (resnet only)
struct LayerSpec {
  enum class Kind { convolution, to_rgb, skip };
  std::string name;  // "b64.conv0": appears in errors, profiles and the bench
  Kind kind;
  int in_channels;   // I
  int out_channels;  // O
  int resolution;    // H = W of the output
  bool up;           // the input is resolution/2
  Activation activation;
  float gain;            // after the activation; √2 for lrelu, 1 for to_rgb, √½ for skip
  float clamp;           // largest |y|; < 0: none
  float noise_strength;  // 0: no noise
  int w_index;           // which of the num_ws w vectors styles this layer; -1 for skip
  std::span<const float> weight;         // (O, I, K, K), K 3 for convolution, else 1; as stored
  std::span<const float> bias;           // (O); empty: none
  std::span<const float> affine_weight;  // (I, W), as stored (divide by √W); empty for skip
  std::span<const float> affine_bias;    // (I)
  std::span<const float> noise;          // (H, W) the constant noise; empty: none
  std::span<const float> filter;         // (4, 4) for the resampling; empty without up
};

/// Views into the network's parameters; they must live only until load() returns.
struct NetworkSpec {
  NetworkConfig config;
  DenseSpec embed;  // name empty without labels
  std::vector<DenseSpec> mapping;
  std::vector<LayerSpec> layers;        // in order; a layer's index is its position here
  std::span<const float> constant;      // (C(4), 4, 4)
  std::span<const float> image_filter;  // (4, 4): upsamples the running image (skip architecture)
};

/// What else happens to a convolution's result while it is at hand. A backend may fuse it or not;
/// the values are the same.
struct EpilogueOptions {
  int next = -1;      // index of the convolution that alone reads y next, so y may be stored times
                      // its style
  int to_rgb = -1;    // index of the to_rgb layer that reads y: its image is accumulated. Without a
                      // next nobody else reads y, and it need not be stored
  int residual = -1;  // buffer (int of BufferId) whose value is added to y (resnet); -1: none
};

/// The finished picture where it lies on a CUDA device, for those who go on with it there.
struct DevicePictures {
  const uint8_t* pixels = nullptr;  // (N, R, R, image_channels)
  // On which the picture is made: read it after what is there now, and let what comes next wait.
  CUstream_st* stream = nullptr;
};

class Backend {
 public:
  virtual ~Backend() = default;

  /// One line for users: what runs, on what, how.
  /// "cpu: oneDNN 2.6.3, avx512_core_bf16, 2 threads, f32"
  virtual std::string describe() const = 0;

  /// Copies and packs every weight. Throws Error when memory runs out, naming what was asked for.
  virtual void load(const NetworkSpec& network) = 0;
  /// Plans the arena for up to batch_max samples. Nothing is allocated by the calls below.
  virtual void reserve(int batch_max) = 0;
  virtual int batch_max() const = 0;

  /// w = mapping(z, c) before truncation. z (N, Z), c (N, C) or empty, w (N, W); any N ≥ 1, in
  /// chunks. Every sample's bytes are the same whatever N is.
  virtual void map(int n, std::span<const float> z, std::span<const float> c,
                   std::span<float> w) = 0;

  /// The inputs of the next run: ws (N, num_ws, W) and, for random noise, one 64-bit seed a sample.
  virtual void set_inputs(int n, std::span<const float> ws,
                          std::span<const uint64_t> noise_seeds) = 0;

  /// What the next runs are for; `values` at first. With `bytes` a backend may leave the float32
  /// image out.
  virtual void set_output(Output) {}

  /// Calls `forward`, which calls the operations below on this backend in order. With `replayable`,
  /// the backend may record them the first time for this (n, mode) and replay the record later:
  /// `forward` must then make the same calls every time. Throws Error when recording fails.
  virtual void run(NoiseMode mode, bool replayable, const std::function<void()>& forward) = 0;

  // ---- operations of the forward pass
  /// Styles s and demodulation coefficients d of all layers, from ws.
  virtual void styles() = 0;
  /// y = the learned constant, for every sample.
  virtual void constant(BufferId y) = 0;
  /// y = convolution layer of x, then its epilogue with `options`.
  virtual void convolution(int layer, BufferId x, BufferId y, const EpilogueOptions& options) = 0;
  /// image = up(image) + to_rgb(x); the first call of a forward pass starts the image at to_rgb(x).
  virtual void to_rgb(int layer, BufferId x) = 0;
  /// y = skip layer of x.
  virtual void skip(int layer, BufferId x, BufferId y) = 0;

  // ---- results, after run() or, for tests, inside a forward pass that is not replayable
  /// A buffer's value as float32 (N, C, R, R). Asserts that it was stored plain (its options had no
  /// next).
  virtual std::vector<float> read(BufferId id, int channels, int resolution) = 0;
  /// The running image as float32 (N, image_channels, R, R), whatever its resolution now. Asserts
  /// that the output was `values`, once the image is finished.
  virtual std::vector<float> read_image() = 0;
  /// The finished pictures, trunc(clamp(127.5 x + 128, 0, 255)): N places of (R, R, image_channels)
  /// bytes.
  virtual void read_rgb8(std::span<uint8_t* const> pictures) = 0;
  /// That picture reduced to (N, size, size, image_channels) bytes, 1 ≤ size ≤ R: every byte the
  /// mean of the square it covers, edges counted by their share, rounded to nearest, halves up.
  /// Whole numbers throughout, so every backend gives the same bytes for the same picture. Any
  /// number of sizes may be read.
  virtual void read_preview(int size, std::span<uint8_t> pixels) = 0;

  /// Whether pictures lie on a CUDA device, and where the finished one does, after run(); null
  /// where not.
  virtual bool has_device_pictures() const { return false; }
  virtual DevicePictures device_pictures() { return {}; }

  /// Kernels that the last run() launched; 0 where nothing is launched.
  virtual int launches() const { return 0; }
};

enum class Precision { f32, f16 };

/// "f32" or "f16"; throws Error for anything else.
Precision precision_named(std::string_view name);

/// What the machine offers; for `vernissage devices` and for error messages.
struct DeviceInfo {
  std::string name;    // "cpu", "cuda:0"
  std::string detail;  // "AMD EPYC, 2 threads, oneDNN 2.6.3"; "NVIDIA H200, sm_90, 139 GiB"
  bool usable;
  std::string reason;  // why not, when not
};
std::vector<DeviceInfo> list_devices();

/// device: "auto" (CUDA when one is usable, else CPU), "cpu", "cuda". threads 0: all cores. Throws
/// Error when the device asked for is not there or not built in. f16 exists on CUDA only.
std::unique_ptr<Backend> make_backend(const std::string& device, Precision precision, int threads);

}  // namespace vernissage
