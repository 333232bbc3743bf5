// vernissage-train train-curator: the network that relates words and pictures.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <malloc.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/ranges.h"
#include "training/clip/trainer.h"
#include "training/commands/commands.h"
#include "training/commands/dataset_options.h"
#include "training/dataset/picture_source.h"

namespace vernissage::training {
namespace {

volatile std::sig_atomic_t stop_requested = 0;
constexpr int kKeptBytes = 1 << 30;

struct Options {
  CuratorOptions training;
  std::string out, state, device = "cpu";
  int threads = 1, merges = 1500, width = 128, layers = 4, text_layers = 2, patch = 16;
  DatasetOptions dataset;
  std::string from, licence;
  int painter_every = 4;
  double minutes = 0;
  double save_minutes = 3;
};

constexpr uint64_t kWordsFrom = 60'000;  // pictures of the painter
constexpr uint64_t kTitleWordings = 8;   // captions of a titled picture that count
constexpr int64_t kRareWord =
    3;  // words of titles that occur less often than so many get no merges

std::map<std::string, int64_t> caption_words(const PictureSet* set) {
  auto words = count_caption_words(kWordsFrom);
  if (set == nullptr) return words;
  for (const auto& [word, times] : count_title_words(*set, kTitleWordings))
    if (times >= kRareWord * static_cast<int64_t>(kTitleWordings) / 2) words[word] += times;
  return words;
}

CuratorTrainer begin(const Options& options, const PictureSet* set) {
  if (const auto stored = load_newest_state(options.state)) {
    CuratorTrainer trainer(options.training, *stored);
    std::fprintf(stderr, "going on after %lld pictures\n",
                 static_cast<long long>(trainer.images_seen()));
    return trainer;
  }
  const auto count = static_cast<size_t>(options.merges);
  if (options.from.empty())
    return CuratorTrainer(options.training, learn_merges(caption_words(set), count));
  const ClipNetwork from = load_clip(options.from);
  return CuratorTrainer(options.training, learn_merges(caption_words(set), count, from.merges),
                        from);
}

void train(Options& options) {
  at::set_num_threads(options.threads);
  // Freed activations are kept for the next step rather than given back page by page.
  mallopt(M_MMAP_THRESHOLD, kKeptBytes);
  mallopt(M_TRIM_THRESHOLD, kKeptBytes);
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { stop_requested = 1; });
  const int size = options.training.config.image_size;
  std::shared_ptr<const PictureSet> set;
  options.training.pictures = painter_pictures(size);
  std::string data = "pictures and captions of vernissage-train's painter";
  if (options.dataset.is_given()) {
    set = read_picture_set(options.dataset, size, options.threads, options.state);
    options.training.pictures = labelled_pictures(set, options.painter_every);
    data = set->summary() + "; painter's: one picture in " + std::to_string(options.painter_every);
  }
  CuratorTrainer trainer = begin(options, set.get());
  PictureSource source(options.training.pictures.show, size,
                       static_cast<uint64_t>(trainer.images_seen()), 1, 2 * options.training.batch);
  using Clock = std::chrono::steady_clock;
  const auto minutes_since = [](Clock::time_point then) {
    return std::chrono::duration<double>(Clock::now() - then).count() / 60;
  };
  const auto start = Clock::now();
  auto shown = start, saved = start;
  const int64_t begun_at = trainer.images_seen();
  double loss = 0;
  int steps = 0;
  const auto save = [&] {
    save_state(options.state, trainer.images_seen(), trainer.state());
    std::map<std::string, std::string> notes = {
        {"data", data},
        {"trained_by", "vernissage-train train-curator"},
        {"images_seen", std::to_string(trainer.images_seen())}};
    if (!options.licence.empty()) notes["licence"] = options.licence;
    save_clip(options.out, trainer.network(), DType::f16, notes);
  };
  while (trainer.images_seen() < options.training.images && stop_requested == 0 &&
         (options.minutes <= 0 || minutes_since(start) < options.minutes)) {
    const CuratorTrainer::Step step = trainer.step(source.next(options.training.batch));
    loss += step.loss;
    ++steps;
    if (minutes_since(shown) > 1.0 / 6) {
      const double rate =
          static_cast<double>(trainer.images_seen() - begun_at) / minutes_since(start) / 60;
      const double left =
          static_cast<double>(options.training.images - trainer.images_seen()) / rate / 60;
      std::fprintf(
          stderr,
          "%lld of %lld pictures, %.0f/s, %.0f min left, loss %.3f, scale %.1f, rate %.2g\n",
          static_cast<long long>(trainer.images_seen()),
          static_cast<long long>(options.training.images), rate, left, loss / steps, step.scale,
          step.rate);
      loss = 0;
      steps = 0;
      shown = Clock::now();
    }
    if (minutes_since(saved) > options.save_minutes) {
      save();
      saved = Clock::now();
    }
  }
  save();
  std::printf("%s: after %lld pictures\n", options.out.c_str(),
              static_cast<long long>(trainer.images_seen()));
}

}  // namespace

void add_train_curator_command(CLI::App& app) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command =
      app.add_subcommand("train-curator", "Train the network that relates words and pictures");
  command->add_option("--out", o.out, "The network, safetensors in float16")->required();
  command->add_option("--state", o.state, "Folder of the training's state; found there, it goes on")
      ->required();
  command->add_option("--images", o.training.images, "Pictures of the whole training")
      ->check(from_to(1, 2'000'000'000))
      ->capture_default_str();
  command
      ->add_option("--warmup-images", o.training.warmup_images,
                   "Pictures in which the rate rises to its highest")
      ->check(from_to(1, 2'000'000'000))
      ->capture_default_str();
  command->add_option("--minutes", o.minutes, "Of this sitting; 0: no bound")
      ->capture_default_str();
  command->add_option("--batch", o.training.batch, "Pictures a step")
      ->check(from_to(2, 8192))
      ->capture_default_str();
  command->add_option("--rate", o.training.rate, "Learning rate at its highest")
      ->check(from_to(1e-6, 1.0))
      ->capture_default_str();
  command->add_option("--width", o.width, "W of both towers, a multiple of 32")
      ->check(from_to(32, 1024))
      ->capture_default_str();
  command->add_option("--layers", o.layers, "Of the image tower")
      ->check(from_to(1, 24))
      ->capture_default_str();
  command->add_option("--text-layers", o.text_layers, "Of the text tower")
      ->check(from_to(1, 24))
      ->capture_default_str();
  command->add_option("--patch", o.patch, "Side of a patch of the 64 x 64 picture")
      ->check(CLI::IsMember({4, 8, 16, 32}))
      ->capture_default_str();
  command->add_option("--merges", o.merges, "Byte-pair merges at most")
      ->check(from_to(1, 48894))
      ->capture_default_str();
  command->add_option("--threads", o.threads, "CPU threads")
      ->check(from_to(1, 256))
      ->capture_default_str();
  command->add_option("--licence", o.licence, "Of the network, for its metadata");
  add_dataset_options(*command, o.dataset);
  command
      ->add_option("--painter-every", o.painter_every,
                   "With --data: every so many-th picture is the painter's; 0: none")
      ->check(from_to(0, 1 << 20))
      ->capture_default_str();
  command->add_option("--from", o.from,
                      "Begin with this network's values; its merges come first and count");
  command->add_option("--device", o.device, "cpu or cuda")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->capture_default_str();
  command->callback([options] {
    Options& given = *options;
    if (given.device == "cuda") {
      if (!at::hasCUDA()) throw Error("--device cuda: this libtorch finds no CUDA device");
      given.training.device = at::Device(at::kCUDA, 0);
    }
    ClipConfig& config = given.training.config;
    config.image_size = 64;
    config.patch_size = given.patch;
    config.vision = {given.width, given.layers, given.width / 32, 4 * given.width,
                     ClipActivation::quick_gelu};
    config.text = {given.width, given.text_layers, given.width / 32, 4 * given.width,
                   ClipActivation::quick_gelu};
    config.embedding = 128;
    config.context = 32;
    config.source = "vernissage";
    train(given);
  });
}

}  // namespace vernissage::training
