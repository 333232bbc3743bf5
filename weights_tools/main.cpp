// vernissage-weights: checkpoints in, one kind of file out.
//
// Exit status: 0 done; 1 the file is refused or cannot be written, with one line that says why; 2
// the command line is wrong.
#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <new>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/program_start.h"
#include "base/ranges.h"
#include "weights_tools/checkpoint.h"
#include "weights_tools/clip_checkpoint.h"
#include "weights_tools/inspect.h"
#include "weights_tools/inspect_clip.h"
#include "weights_tools/sketch.h"

namespace vernissage {
namespace {

constexpr int kRefused = 1;
constexpr int kUsage = 2;

/// "skip 256x256, 8 mapping layers, 24.8 M parameters, 14.90 GMAC"
std::string one_line(const Network& network) {
  double parameters = 0, macs = 0;
  for (const auto& [name, tensor] : network.parameters)
    parameters += static_cast<double>(tensor.values.size());
  for (const LayerCost& cost : layer_costs(network.config)) macs += cost.macs;
  const NetworkConfig& config = network.config;
  char text[200];
  std::snprintf(text, sizeof text, "%s %dx%d, %zu mapping layers, %.2f M parameters, %.2f GMAC",
                architecture_name(config.architecture), config.resolution, config.resolution,
                config.mapping_widths.size(), parameters / 1e6, macs / 1e9);
  return text;
}

/// What the user says where a checkpoint does not, as it stands on the command line. --activation
/// is for networks of both kinds.
struct Arguments {
  std::string tokenizer, activation, conv_clamp;
  std::vector<int> heads;
  std::vector<float> mean, std_dev;
  std::optional<float> mapping_lr_multiplier;

  void refuse_for_clip(const std::string& in) const {
    if (!conv_clamp.empty() || mapping_lr_multiplier)
      throw Error(in +
                  ": a CLIP network, which --conv-clamp and --mapping-lr-multiplier are not for");
  }
  void refuse_for_generator(const std::string& in) const {
    if (!tokenizer.empty() || !heads.empty() || !mean.empty() || !std_dev.empty())
      throw Error(in + ": no CLIP network, which --tokenizer, --heads, --mean and --std are for");
  }
  ClipOptions clip(const std::string& in) const try {
    ClipOptions all;
    all.tokenizer = tokenizer;
    if (!heads.empty()) all.heads = {heads[0], heads[1]};
    if (!activation.empty()) all.activation = clip_activation_from_name(activation);
    if (!mean.empty()) all.mean = {mean[0], mean[1], mean[2]};
    if (!std_dev.empty()) all.std_dev = {std_dev[0], std_dev[1], std_dev[2]};
    return all;
  } catch (const Error& error) {
    throw Error(in + ": " + error.what());
  }
  GeneratorOptions generator(const std::string& in) const try {
    GeneratorOptions all;
    if (!activation.empty()) all.activation = activation_from_name(activation);
    if (conv_clamp == "none") {
      all.conv_clamp = -1.0f;
    } else if (!conv_clamp.empty()) {
      all.conv_clamp = number_from(conv_clamp, "--conv-clamp");
    }
    all.mapping_lr_multiplier = mapping_lr_multiplier;
    return all;
  } catch (const Error& error) {
    throw Error(in + ": " + error.what());
  }

 private:
  static float number_from(const std::string& text, const char* what) {
    float number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number) ||
        number < 0)
      throw Error(std::string(what) + ": expected none or a number of at least 0, got " +
                  json_quote_short(text));
    return number;
  }
};

struct ConvertOptions {
  std::string in, out, network, dtype = "f32";
  Arguments given;
};

void convert_clip(const ConvertOptions& options) {
  if (!options.network.empty())
    throw Error(options.in + ": a CLIP network; there is no " + options.network + " to choose");
  options.given.refuse_for_clip(options.in);
  const ClipCheckpoint checkpoint =
      read_clip_checkpoint(options.in, options.given.clip(options.in));
  save_clip(options.out, checkpoint.network, options.dtype == "f16" ? DType::f16 : DType::f32);
  std::printf("%s: %s, %s\n", options.out.c_str(), checkpoint.format.c_str(),
              clip_one_line(checkpoint.network).c_str());
  for (const std::string& note : checkpoint.notes) std::printf("note: %s\n", note.c_str());
}

void convert(const ConvertOptions& options) {
  if (is_clip_checkpoint(options.in)) return convert_clip(options);
  options.given.refuse_for_generator(options.in);
  if (options.dtype != "f32") throw Error(options.in + ": no CLIP network, which --dtype is for");
  const Checkpoint checkpoint =
      read_checkpoint(options.in, options.network, options.given.generator(options.in));
  save_network(options.out, checkpoint.network, checkpoint.metadata);
  const std::string chosen = checkpoint.chosen.empty() ? "" : checkpoint.chosen + " of ";
  std::printf("%s: %s%s, %s\n", options.out.c_str(), chosen.c_str(), checkpoint.format.c_str(),
              one_line(checkpoint.network).c_str());
  for (const std::string& note : checkpoint.notes) std::printf("note: %s\n", note.c_str());
}

struct InspectOptions {
  std::string file, network;
  Arguments given;
  bool json = false;
};

void print_inspection(const InspectOptions& options) {
  const bool clip = is_clip_checkpoint(options.file);
  if (clip)
    options.given.refuse_for_clip(options.file);
  else
    options.given.refuse_for_generator(options.file);
  const Inspection inspection =
      clip ? inspect_clip(options.file, options.network, options.given.clip(options.file))
           : inspect(options.file, options.network, options.given.generator(options.file));
  const std::string text = options.json ? inspection_json(inspection) : inspection_text(inspection);
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void save_sketch(const std::string& out, const SketchOptions& options) {
  const Network network = sketch(options);
  save_network(out, network, {{"sketch_seed", std::to_string(options.seed)}});
  std::printf("%s: untrained, %s\n", out.c_str(), one_line(network).c_str());
}

void add_network_option(CLI::App* command, std::string& network) {
  command
      ->add_option(
          "--network", network,
          "which of the checkpoint's generators: G_ema, G or Gs (default: the averaged one)")
      ->check(CLI::IsMember({"G_ema", "G", "Gs", "g_ema", "g"}));
}

void add_options_of_both(CLI::App* command, Arguments& arguments) {
  command
      ->add_option(
          "--activation", arguments.activation,
          "CLIP: quick_gelu or gelu (default: as the configuration beside the weights "
          "says; OpenAI's own files: quick_gelu). A state dict under NVIDIA's names: lrelu "
          "unless changed in training")
      ->check(CLI::IsMember({"quick_gelu", "gelu", "linear", "relu", "lrelu", "tanh", "sigmoid",
                             "elu", "selu", "softplus", "swish"}))
      ->option_text("NAME");
}

void add_generator_options(CLI::App* command, Arguments& arguments) {
  command
      ->add_option("--conv-clamp", arguments.conv_clamp,
                   "a state dict under NVIDIA's names: the largest value of a layer, 256 for "
                   "networks trained with fp16, none for others")
      ->option_text("none|NUMBER");
  command
      ->add_option("--mapping-lr-multiplier", arguments.mapping_lr_multiplier,
                   "a state dict under NVIDIA's names: the learning rate multiplier of the mapping "
                   "layers, 0.01 unless changed in training")
      ->check(from_to(1e-6, 1e3))
      ->option_text("NUMBER");
}

void add_clip_options(CLI::App* command, Arguments& arguments) {
  command
      ->add_option("--tokenizer", arguments.tokenizer,
                   "CLIP: merges.txt (checked against a vocab.json beside it), tokenizer.json, "
                   "bpe_simple_vocab_16e6.txt.gz, or a folder with one of them (default: the one "
                   "beside the weights; without any the network embeds no words)")
      ->option_text("FILE|DIR");
  command
      ->add_option("--heads", arguments.heads,
                   "CLIP: attention heads of the image and the text tower (default: as the "
                   "configuration beside the weights says; OpenAI's own files: width / 64)")
      ->delimiter(',')
      ->expected(2)
      ->check(CLI::PositiveNumber)
      ->option_text("V,T");
  command
      ->add_option("--mean", arguments.mean,
                   "CLIP: mean of the pixels' values v/255 by channel (default: as the "
                   "preprocessing beside the weights says; OpenAI's own files: as published)")
      ->delimiter(',')
      ->expected(3)
      ->option_text("R,G,B");
  command
      ->add_option("--std", arguments.std_dev,
                   "CLIP: standard deviation of the pixels' values, likewise")
      ->delimiter(',')
      ->expected(3)
      ->check(CLI::PositiveNumber)
      ->option_text("R,G,B");
}

int run(int argc, char** argv) {
  CLI::App app(
      "Reads StyleGAN2 and CLIP checkpoints as data, executing nothing in them, and writes "
      "safetensors.\n"
      "Generators (StyleGAN2): NVIDIA's PyTorch and TensorFlow pickles (.pkl, protocols 0 to 5), "
      "modules saved whole (.pkl, .pt), state dicts under NVIDIA's or rosinality's names (.pt, "
      ".pth, "
      ".safetensors, bare or wrapped), our own .safetensors.\n"
      "CLIP (vision transformers): Hugging Face and OpenCLIP folders (also with weights in several "
      "files), OpenAI's .pt (TorchScript or state dict), our own .safetensors.\n"
      "Objects of other classes beside a network are not read; nothing in a file is ever run.",
      "vernissage-weights");
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  vernissage-weights convert network.pkl generator.safetensors\n"
      "  vernissage-weights convert clip-vit-base-patch32/ curator.safetensors --dtype f16\n"
      "  vernissage-weights convert ViT-B-32.pt curator.safetensors --tokenizer "
      "bpe_simple_vocab_16e6.txt.gz\n"
      "  vernissage-weights convert state_dict.pt generator.safetensors --conv-clamp none "
      "--mapping-lr-multiplier 0.01 --activation lrelu\n"
      "  vernissage-weights inspect generator.safetensors\n"
      "  vernissage-weights sketch untrained.safetensors --resolution 256 --seed 7\n"
      "Exit status: 0 done, 1 a file is refused (one line says why), 2 the command line is wrong.");

  ConvertOptions conversion;
  CLI::App* convert_command =
      app.add_subcommand("convert", "read a checkpoint of any known format, write OUT atomically");
  convert_command->add_option("IN", conversion.in, "the checkpoint: a file, or a folder of CLIP")
      ->required();
  convert_command->add_option("OUT", conversion.out, "the safetensors file to write")->required();
  add_network_option(convert_command, conversion.network);
  add_options_of_both(convert_command, conversion.given);
  add_generator_options(convert_command, conversion.given);
  add_clip_options(convert_command, conversion.given);
  convert_command
      ->add_option("--dtype", conversion.dtype,
                   "CLIP: f32, or f16 for half the size (vectors stay f32)")
      ->check(CLI::IsMember({"f32", "f16"}))
      ->capture_default_str();
  convert_command->callback([&] { convert(conversion); });

  InspectOptions inspection;
  CLI::App* inspect_command = app.add_subcommand(
      "inspect", "print what is inside a checkpoint, or the tensors of any safetensors file");
  inspect_command->add_option("FILE", inspection.file, "the file, or a folder of CLIP")->required();
  inspect_command->add_flag("--json", inspection.json, "one JSON object instead of text");
  add_network_option(inspect_command, inspection.network);
  add_options_of_both(inspect_command, inspection.given);
  add_generator_options(inspect_command, inspection.given);
  add_clip_options(inspect_command, inspection.given);
  inspect_command->callback([&] { print_inspection(inspection); });

  std::string sketch_out;
  SketchOptions options;
  CLI::App* sketch_command = app.add_subcommand(
      "sketch",
      "write an untrained network whose pictures are colourful, for running without a download");
  sketch_command->add_option("OUT", sketch_out, "the safetensors file to write")->required();
  sketch_command->add_option("--resolution", options.resolution, "a power of two, 4 to 4096")
      ->required();
  sketch_command->add_option("--seed", options.seed, "every seed is another painter")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  sketch_command
      ->add_option("--channel-base", options.channel_base, "channels at R x R: min(base / R, max)")
      ->capture_default_str();
  sketch_command->add_option("--channel-max", options.channel_max, "most channels of a layer")
      ->capture_default_str();
  sketch_command->add_option("--w-dim", options.w_dim, "size of the intermediate latent w")
      ->capture_default_str();
  sketch_command->add_option("--z-dim", options.z_dim, "size of the latent z")
      ->capture_default_str();
  sketch_command->add_option("--mapping-layers", options.mapping_layers, "layers from z to w")
      ->capture_default_str();
  sketch_command->callback([&] { save_sketch(sketch_out, options); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) {
      std::fprintf(stderr, "vernissage-weights: %s (--help tells more)\n", error.what());
      return kUsage;
    }
    app.exit(error);  // --help
  } catch (const Error& error) {
    std::fprintf(stderr, "vernissage-weights: %s\n", error.what());
    return kRefused;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "vernissage-weights: out of memory\n");
    return kRefused;
  }
  // What was printed is part of what was asked for.
  return standard_output_written("vernissage-weights") ? 0 : kRefused;
}

}  // namespace
}  // namespace vernissage

int main(int argc, char** argv) {
  vernissage::start_program(argv);
  return vernissage::run(argc, argv);
}
