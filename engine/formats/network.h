// A StyleGAN2 generator as data: its configuration and its parameters under their canonical names.
// Source of names, shapes and defaults: Karras et al. 2020 (StyleGAN2) and the official releases;
// "canonical" means the names of the PyTorch release, e.g. synthesis.b64.conv0.affine.weight.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/formats/tensor.h"
#include "kernels/activation.h"

namespace vernissage {

enum class Architecture { skip, orig, resnet };

const char* architecture_name(Architecture architecture);
const char* activation_name(Activation activation);
/// Throw Error naming the unknown word.
Architecture architecture_from_name(const std::string& name);
Activation activation_from_name(const std::string& name);

/// The gain that keeps unit variance: √2 for relu, lrelu and swish, 1 for the others.
float activation_gain(Activation activation);

/// Everything about a generator that is not a tensor.
struct NetworkConfig {
  Architecture architecture = Architecture::skip;
  int resolution = 0;                   // R of the picture; a power of two, 4 … 4096
  int image_channels = 3;               // 1 … 4
  int z_dim = 0;                        // Z
  int c_dim = 0;                        // classes; 0: unconditional
  int w_dim = 0;                        // W
  int embed_features = 0;               // width of the label embedding; 0 without labels
  std::vector<int> mapping_widths;      // outputs of fc0, fc1, …; the last is w_dim
  float mapping_lr_multiplier = 0.01f;  // m: weight gain m/√fan-in, bias gain m
  Activation mapping_activation = Activation::lrelu;
  std::vector<int> widths;  // channels C(4), C(8), … C(R)
  Activation activation = Activation::lrelu;
  bool use_noise = true;
  float conv_clamp = -1;     // largest |y| of a layer; < 0: none
  int half_resolutions = 0;  // how many of the top resolutions the reference runs in fp16
  std::string source;        // "stylegan2-ada-pytorch", "stylegan3", "stylegan2", "stylegan2-ada",
                             // "rosinality", "sketch"
  bool untrained = false;    // random weights: the page says so

  int num_ws() const;       // 2·log2(R) - 2
  int block_count() const;  // log2(R) - 1
};

/// One parameter a generator of this configuration must have.
struct ParameterSpec {
  std::string name;
  std::vector<int64_t> shape;
};
/// All of them, in canonical order (mapping, then blocks from 4 up). Buffers included: w_avg,
/// noise_const, resample_filter (4, 4) of every layer that resamples: bR.conv0 and bR (image or
/// skip), R ≥ 8; noise_const and noise_strength only with use_noise. Throws Error naming a
/// configuration field that is out of range.
std::vector<ParameterSpec> parameters(const NetworkConfig& config);

/// Multiply-accumulates of one picture, by layer. Up-convolutions are counted on input pixels (the
/// transposed form: 9 taps an input pixel); `composite` counts them on output pixels, as some
/// papers do. Names: "mapping.fc0", "b64.conv0". Styles and resampling filters are not counted.
struct LayerCost {
  std::string name;
  double macs;            // transposed form
  double macs_composite;  // 9 taps an output pixel
};
std::vector<LayerCost> layer_costs(const NetworkConfig& config);

/// A generator on the host: configuration and float32 parameters, complete and checked.
struct Network {
  NetworkConfig config;
  std::map<std::string, Tensor> parameters;

  const Tensor& at(const std::string& name) const;  // asserts that it is there
};

/// Throws Error naming the first parameter that is missing, unexpected, misshapen (expected vs
/// actual) or holds a value that is not finite, or the configuration field out of range. The
/// filters bR.resample_filter must be equal: one filter resamples the running image.
void check(const Network& network);

/// Our own file: safetensors, float32 or float16, with the configuration in __metadata__.
/// Both throw Error naming the file; save() writes atomically. `extra` is further metadata.
/// `stored` is f32 or f16 (half the size, 11 bits of each value; an element that no half can hold
/// is an Error naming its parameter).
Network load_network(const std::filesystem::path& path);
void save_network(const std::filesystem::path& path, const Network& network,
                  const std::map<std::string, std::string>& extra = {}, DType stored = DType::f32);

}  // namespace vernissage
