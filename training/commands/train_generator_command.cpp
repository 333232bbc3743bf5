// vernissage-train train-generator: a StyleGAN2 generator from a folder or an archive of pictures,
// or from nothing but the painter's.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <malloc.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/ranges.h"
#include "training/commands/commands.h"
#include "training/commands/dataset_options.h"
#include "training/dataset/painter/painter.h"
#include "training/dataset/picture_choice.h"
#include "training/gan/session.h"

namespace vernissage::training {
namespace {

constexpr int kKeptBytes = 1 << 30;

volatile std::sig_atomic_t stop_requested = 0;

struct Options {
  int resolution = 64;
  int channel_base = 1024, channel_max = 128;
  int discriminator_base = 1024, discriminator_max = 128;
  int latent = 128, mapping_layers = 4;
  TrainerOptions trainer;
  SessionOptions session;
  std::string device = "cpu", precision = "bfloat16", state, out;
  std::vector<std::string> subjects, media;
  DatasetOptions dataset;
  std::string augment = "auto", licence;
  double augment_target = 0.6, augment_kimg = 100;
  double average_kimg = 10;
  int threads = 2;
};

/// C(R) = min(base / R, max), at least 1, from 4 up.
std::vector<int> widths(int resolution, int base, int max) {
  std::vector<int> result;
  for (int side = 4; side <= resolution; side *= 2)
    result.push_back(std::max(1, std::min(base / side, max)));
  return result;
}

// One thread a shard, and memory that stays.
void settle_in(int shards) {
  at::set_num_threads(1);
  // OpenBLAS has threads of its own, which wait for work by spinning: half the time on a busy
  // machine.
  if (const auto set =
          reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads")))
    set(1);
  // Freed activations are kept for the next step; given back to the system and fetched anew page by
  // page they cost 40 % of the time.
  mallopt(M_MMAP_THRESHOLD, kKeptBytes);
  mallopt(M_TRIM_THRESHOLD, kKeptBytes);
  mallopt(M_ARENA_MAX, shards + 2);
}

TrainerOptions trainer_options(const Options& given) {
  TrainerOptions options = given.trainer;
  NetworkConfig& network = options.network;
  network.resolution = given.resolution;
  network.z_dim = network.w_dim = given.latent;
  network.mapping_widths.assign(size_t(given.mapping_layers), given.latent);
  network.widths = widths(given.resolution, given.channel_base, given.channel_max);
  network.source = "vernissage";
  parameters(network);  // refuses what is out of range
  options.discriminator.resolution = given.resolution;
  options.discriminator.widths =
      widths(given.resolution, given.discriminator_base, given.discriminator_max);
  options.average_images = given.average_kimg * 1e3;
  options.dtype = given.precision == "float32" ? at::kFloat : at::kBFloat16;
  if (given.device == "cuda") {
    if (!at::hasCUDA()) throw Error("--device cuda: this libtorch finds no CUDA device");
    options.device = at::Device(at::kCUDA, 0);
    options.shards = 1;
    at::globalContext().setBenchmarkCuDNN(true);
    at::globalContext().setAllowTF32CuDNN(true);
    at::globalContext().setAllowTF32CuBLAS(true);
  } else {
    options.shards = given.threads;
    settle_in(given.threads);
  }
  const bool adaptive =
      given.augment == "adaptive" || (given.augment == "auto" && given.dataset.is_given());
  options.augment.target = adaptive ? given.augment_target : 0;
  options.augment.images = given.augment_kimg * 1e3;
  return options;
}

PaintPicture pictures_of(const Options& given, std::string& said) {
  const int size = given.resolution;
  if (!given.dataset.is_given()) {
    said = "pictures of vernissage-train's painter";
    const auto choice = std::make_shared<const PictureChoice>(given.subjects, given.media);
    return [choice, size](uint64_t index, std::span<uint8_t> rgb) {
      paint_into(choice->seed(index), size, rgb);
    };
  }
  if (!given.subjects.empty() || !given.media.empty())
    throw Error("--subjects and --media are the painter's; --data has --only and --exclude");
  const auto set = read_picture_set(given.dataset, size, given.threads, given.state);
  said = set->summary();
  return [set](uint64_t index, std::span<uint8_t> rgb) { set->show(index, rgb); };
}

void train(const Options& given) {
  const TrainerOptions options = trainer_options(given);
  SessionOptions session = given.session;
  session.state = given.state;
  session.out = given.out;
  std::string data;
  const PaintPicture pictures = pictures_of(given, data);
  session.notes = {{"data", data}, {"trained_by", "vernissage-train train-generator"}};
  if (!given.licence.empty()) session.notes["licence"] = given.licence;
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { stop_requested = 1; });
  run_session(session, options, pictures, [] { return stop_requested != 0; });
}

}  // namespace

void add_train_generator_command(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("train-generator", "Train a StyleGAN2 generator on pictures");
  Options& o = *options;
  command->add_option("--out", o.out, "The averaged network, safetensors")->required();
  command->add_option("--state", o.state, "Folder of the training's state; found there, it goes on")
      ->required();
  command->add_option("--resolution", o.resolution, "R, a power of two")->capture_default_str();
  command->add_option("--images", o.session.images_max, "Pictures seen in all, then it is done")
      ->default_val(1'000'000'000);
  command->add_option("--minutes", o.session.minutes_max, "Of this sitting; 0: no bound")
      ->capture_default_str();
  command->add_option("--device", o.device, "cpu or cuda")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->capture_default_str();
  command->add_option("--precision", o.precision, "Of activations: bfloat16 or float32")
      ->check(CLI::IsMember({"bfloat16", "float32"}))
      ->capture_default_str();
  command->add_option("--subjects", o.subjects, "Only these of the painter's, with commas between")
      ->delimiter(',');
  command->add_option("--media", o.media, "Only these of the painter's")->delimiter(',');
  command->add_option("--threads", o.threads, "CPU threads that share a batch")
      ->check(from_to(1, 256))
      ->capture_default_str();
  command->add_option("--painter-threads", o.session.painter_threads, "Threads that paint")
      ->check(from_to(1, 256))
      ->capture_default_str();
  command->add_option("--batch", o.trainer.batch, "Pictures a step")
      ->check(from_to(1, 4096))
      ->capture_default_str();
  command->add_option("--channel-base", o.channel_base, "Generator: C(R) = min(base / R, max)")
      ->check(from_to(16, 65536))
      ->capture_default_str();
  command->add_option("--channel-max", o.channel_max, "")
      ->check(from_to(1, 1024))
      ->capture_default_str();
  command->add_option("--discriminator-base", o.discriminator_base, "Discriminator, likewise")
      ->check(from_to(16, 65536))
      ->capture_default_str();
  command->add_option("--discriminator-max", o.discriminator_max, "")
      ->check(from_to(1, 1024))
      ->capture_default_str();
  command->add_option("--latent", o.latent, "Widths of z and w")
      ->check(from_to(1, 1024))
      ->capture_default_str();
  command->add_option("--mapping-layers", o.mapping_layers, "")
      ->check(from_to(1, 16))
      ->capture_default_str();
  command->add_option("--rate", o.trainer.rate, "Learning rate of both networks")
      ->check(from_to(1e-6, 1.0))
      ->capture_default_str();
  command->add_option("--r1-gamma", o.trainer.r1_gamma, "Weight of the gradient penalty")
      ->check(from_to(1e-6, 1e6))
      ->capture_default_str();
  command->add_option("--r1-interval", o.trainer.r1_interval, "Steps")
      ->check(from_to(1, 1024))
      ->capture_default_str();
  command->add_option("--path-weight", o.trainer.path_weight, "Of path-length regularisation")
      ->capture_default_str();
  command->add_option("--path-interval", o.trainer.path_interval, "Steps; 0: without it")
      ->check(from_to(0, 1024))
      ->capture_default_str();
  command->add_option("--mixing", o.trainer.mixing, "Probability of style mixing")
      ->check(from_to(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--average-kimg", o.average_kimg, "Half-life of the averaged weights")
      ->check(from_to(0.01, 1e4))
      ->capture_default_str();
  command->add_option("--licence", o.licence, "Of the network, for its metadata");
  add_dataset_options(*command, o.dataset);
  command
      ->add_option("--augment", o.augment,
                   "adaptive (Karras et al. 2020), off, or auto: adaptive with --data, off without")
      ->check(CLI::IsMember({"auto", "adaptive", "off"}))
      ->capture_default_str();
  command
      ->add_option("--augment-target", o.augment_target,
                   "Of the mean sign of D(real), which moves the probability of transforms")
      ->check(from_to(0.01, 0.99))
      ->capture_default_str();
  command
      ->add_option("--augment-kimg", o.augment_kimg,
                   "Thousands of pictures in which the probability can get from 0 to 1")
      ->check(from_to(0.1, 1e6))
      ->capture_default_str();
  command->add_option("--seed", o.trainer.seed, "Of the networks and of chance")
      ->capture_default_str();
  command->add_option("--grid-minutes", o.session.grid_minutes, "Between grids; 0: only the last")
      ->capture_default_str();
  command->add_option("--save-minutes", o.session.save_minutes, "Between states")
      ->capture_default_str();
  command->callback([options] { train(*options); });
}

}  // namespace vernissage::training
