// vernissage-train judge-generator: networks against pictures that none of them has seen, the
// painter's or those held out of a data set.
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <numeric>

#include "base/error.h"
#include "base/ranges.h"
#include "engine/clip/clip_encoder.h"
#include "engine/formats/safetensors.h"
#include "training/commands/commands.h"
#include "training/commands/dataset_options.h"
#include "training/dataset/painter/painter.h"
#include "training/dataset/picture_choice.h"
#include "training/gan/judge.h"
#include "training/gan/samples.h"

namespace vernissage::training {
namespace {

namespace fs = std::filesystem;

constexpr int kSweepSeeds = 12;
constexpr float kSweep[] = {0.0f, 0.3f, 0.5f, 0.7f, 0.85f, 1.0f};
constexpr int kGridColumns = 16, kGridRows = 10;
constexpr int kGoldenSeeds = 4, kGoldenSide = 16;
constexpr float kGoldenPsi = 0.7f;
constexpr int kNearestSeeds = 1024, kNearestShown = 16;
constexpr int kWays = 64, kWaySteps = 32;
constexpr float kJudgedPsi[] = {0.5f, 0.7f, 0.85f};

struct Options {
  std::vector<std::string> networks, subjects, media;
  std::string out, golden, curator;
  int pictures = 2048;
  uint64_t trained = 0;
  DatasetOptions dataset;
};

at::Tensor painter_pictures(const PictureChoice& choice, uint64_t first, int n, int size) {
  const auto pictures = at::empty({n, size, size, 3}, at::kByte);
  const size_t bytes = size_t(size) * size_t(size) * 3;
  at::parallel_for(0, n, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      paint_into(choice.seed(first + uint64_t(i)), size,
                 {pictures.data_ptr<uint8_t>() + size_t(i) * bytes, bytes});
  });
  return pictures;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

// Unit vectors of the image tower.
Features curator_features([[maybe_unused]] const std::string& path) {
#ifdef VERNISSAGE_TRAINING_CLIP
  std::shared_ptr<ClipEncoder> encoder =
      make_clip_encoder(load_clip(path), "cpu", Precision::f32, /*threads=*/0, /*batch_max=*/64);
  return [encoder](const at::Tensor& pictures) {
    const auto pixels = pictures.contiguous();
    const int64_t count = pixels.size(0);
    const auto vectors =
        encoder->embed_images(int(count), int(pixels.size(1)), int(pixels.size(2)),
                              {pixels.data_ptr<uint8_t>(), size_t(pixels.numel())});
    return at::tensor(vectors).view({count, -1}).to(at::kDouble);
  };
#else
  throw Error("--curator: built without the CPU backend, which would run it");
#endif
}

void draw_sweep(const fs::path& path, const Network& network) {
  std::vector<at::Tensor> rows;
  for (const float psi : kSweep) rows.push_back(sample(network, 0, kSweepSeeds, psi, at::kCPU));
  write_grid(path, at::cat(rows), kSweepSeeds);
}

// What the tests hold the engine against: four seeds in float32, averaged down to 16x16.
void write_golden(const fs::path& path, const Network& network) {
  const auto images = sample_images(network, 0, kGoldenSeeds, kGoldenPsi, at::kCPU);
  const auto reduced = at::avg_pool2d(images, images.size(2) / kGoldenSide).contiguous();
  const auto bytes = std::as_bytes(std::span(reduced.data_ptr<float>(), size_t(reduced.numel())));
  write_safetensors(path, {{"seeds", "0-3"}, {"psi", "0.7"}, {"noise", "const"}},
                    {{"images", {DType::f32, reduced.sizes().vec(), bytes}}});
}

// What the networks are held against.
struct Reference {
  std::string name;             // of the pictures, for headings
  at::Tensor held_out, others;  // (n, R, R, 3) bytes: never trained on; others of the same kind
  at::Tensor trained_on,
      unseen;  // where copies are looked for, and as many others; may be undefined
};

at::Tensor pictures_of(const PictureSet& set, PictureSet::Part part, int64_t begin, int64_t end) {
  const int64_t side = set.size(), bytes = side * side * 3;
  const auto pictures = at::empty({end - begin, side, side, 3}, at::kByte);
  for (int64_t i = begin; i < end; ++i)
    std::copy_n(set.pixels(part, i).data(), bytes,
                pictures.data_ptr<uint8_t>() + (i - begin) * bytes);
  return pictures;
}

Reference reference_of(const PictureSet& set, int n) {
  constexpr auto kTraining = PictureSet::Part::training, kHeldOut = PictureSet::Part::held_out;
  const int64_t held_out = set.count(kHeldOut), training = set.count(kTraining);
  if (held_out < n || training < n)
    throw Error("--pictures " + std::to_string(n) + ": there are " + std::to_string(held_out) +
                " held out and " + std::to_string(training) + " others");
  return {"held-out pictures", pictures_of(set, kHeldOut, 0, n), pictures_of(set, kTraining, 0, n),
          pictures_of(set, kTraining, 0, training), pictures_of(set, kHeldOut, 0, held_out)};
}

Reference painters_reference(const Options& options, int n, int size) {
  const PictureChoice choice(options.subjects, options.media);
  constexpr uint64_t kHeldOut = PictureChoice::kHeldOut;
  Reference reference{"held-out painter pictures",
                      painter_pictures(choice, kHeldOut, n, size),
                      painter_pictures(choice, kHeldOut + uint64_t(n), n, size),
                      {},
                      {}};
  if (options.trained == 0) return reference;
  const int known = int(std::min<uint64_t>(options.trained, 16384));
  reference.trained_on = painter_pictures(choice, options.trained - uint64_t(known), known, size);
  reference.unseen = painter_pictures(choice, kHeldOut, known, size);
  return reference;
}

using Spaces = std::vector<std::pair<std::string, Features>>;

// A table with a row for each network, for truncations of the last one, and for real pictures.
void print_distances(const Options& options, const std::vector<Network>& networks,
                     const Spaces& spaces, const Reference& reference) {
  const int n = options.pictures;
  std::printf("| %d of each, against %s |", n, reference.name.c_str());
  for (const auto& [name, features] : spaces)
    std::printf(" Fréchet distance, %s | precision | recall |", name.c_str());
  std::printf("\n|---|");
  for (size_t i = 0; i < spaces.size(); ++i) std::printf("---|---|---|");
  std::printf("\n");
  std::vector<at::Tensor> held_out;
  for (const auto& [name, features] : spaces) held_out.push_back(features(reference.held_out));
  const auto row = [&](const std::string& name, const at::Tensor& pictures) {
    std::printf("| %s |", name.c_str());
    for (size_t i = 0; i < spaces.size(); ++i) {
      const auto seen = spaces[i].second(pictures);
      const PrecisionRecall share = precision_recall(seen, held_out[i]);
      std::printf(" %.4f | %.3f | %.3f |", frechet_distance(seen, held_out[i]), share.precision,
                  share.recall);
    }
    std::printf("\n");
    std::fflush(stdout);
  };
  for (size_t i = 0; i < networks.size(); ++i)
    row(options.networks[i], sample(networks[i], 0, n, 1, at::kCPU));
  for (const float psi : kJudgedPsi) {
    char name[40];
    std::snprintf(name, sizeof name, "the last at truncation %.2f", double(psi));
    row(name, sample(networks.back(), 0, n, psi, at::kCPU));
  }
  row("other real pictures", reference.others);
}

// A network that had learnt pictures by heart would be nearer to those it was trained on. Only
// painted pictures are shown: the data's own may not be ours to show.
void look_for_copies(const Options& options, const Network& network, const Reference& reference) {
  const auto painted = sample(network, 0, kNearestSeeds, 1, at::kCPU);
  const int64_t n = std::min(reference.trained_on.size(0), reference.unseen.size(0));
  const auto near_all = nearest(painted, reference.trained_on);
  const auto near_trained = nearest(painted, reference.trained_on.slice(0, 0, n)),
             near_unseen = nearest(painted, reference.unseen.slice(0, 0, n));
  std::printf(
      "nearest of %lld pictures trained on: median difference %.2f of 255, of as many unseen: "
      "%.2f; nearest of all %lld trained on: median %.2f; %d seeds, at 16x16\n",
      static_cast<long long>(n), median(near_trained.distances), median(near_unseen.distances),
      static_cast<long long>(reference.trained_on.size(0)), median(near_all.distances),
      kNearestSeeds);
  std::vector<int64_t> order(kNearestSeeds);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return near_all.distances[size_t(a)] < near_all.distances[size_t(b)];
  });
  std::vector<at::Tensor> shown;
  std::printf("nearest to a picture trained on, as in generator-nearest.png:");
  for (int i = 0; i < kNearestShown; ++i) {
    const int64_t seed = order[size_t(i)];
    std::printf(" seed %lld %.1f%s", static_cast<long long>(seed), near_all.distances[size_t(seed)],
                i + 1 < kNearestShown ? "," : "\n");
    shown.push_back(painted.slice(0, seed, seed + 1));
  }
  write_grid(fs::path(options.out) / "generator-nearest.png", at::cat(shown), kNearestShown / 2);
}

void judge(const Options& options) {
  std::vector<Network> networks;
  for (const std::string& path : options.networks) networks.push_back(load_network(path));
  const Network& last = networks.back();
  const int size = last.config.resolution;
  const Reference reference =
      options.dataset.is_given()
          ? reference_of(
                *read_picture_set(options.dataset, size, at::get_num_threads(), options.out),
                options.pictures)
          : painters_reference(options, options.pictures, size);
  Spaces spaces = {{"random features", random_features}};
  if (!options.curator.empty())
    spaces.push_back({"the curator's space", curator_features(options.curator)});
  print_distances(options, networks, spaces, reference);
  const Smoothness even = smoothness(sample_ways(last, kWays, kWaySteps, at::kCPU));
  std::printf(
      "smoothness: 1/%d of the way between two seeds changes a picture by %.4f of its range, the "
      "largest such step of a way is %.2f times its mean (%d ways)\n",
      kWaySteps, even.mean, even.unevenness, kWays);
  if (reference.trained_on.defined()) look_for_copies(options, last, reference);
  if (!options.golden.empty()) write_golden(options.golden, last);
  write_grid(fs::path(options.out) / "generator-grid.png",
             sample(last, 0, kGridColumns * kGridRows, 1, at::kCPU), kGridColumns);
  draw_sweep(fs::path(options.out) / "generator-truncation.png", last);
}

}  // namespace

void add_judge_generator_command(CLI::App& app) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("judge-generator",
                                         "Measure generators against pictures they have not seen");
  command->add_option("networks", o.networks, "safetensors; grids are drawn of the last")
      ->required();
  command->add_option("--out", o.out, "Folder for the grids")->required();
  command->add_option("--pictures", o.pictures, "Of each side of a distance")
      ->check(from_to(512, 1 << 20))
      ->capture_default_str();
  command->add_option(
      "--trained", o.trained,
      "The painter's pictures that the last one was trained on: look among the newest for copies");
  add_dataset_options(*command, o.dataset);
  command->add_option("--golden", o.golden,
                      "Write four small pictures of the last one for the tests");
  command->add_option("--curator", o.curator,
                      "A CLIP network, safetensors: distances in its space too");
  command->add_option("--subjects", o.subjects, "The painter's it was trained on")->delimiter(',');
  command->add_option("--media", o.media, "The painter's it was trained on")->delimiter(',');
  command->callback([options] { judge(*options); });
}

}  // namespace vernissage::training
