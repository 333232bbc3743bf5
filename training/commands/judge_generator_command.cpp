// vernissage-train judge-generator: networks against painter pictures that none of them has seen.
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "engine/clip/clip_encoder.h"
#include "engine/formats/safetensors.h"
#include "training/commands/commands.h"
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
constexpr int kNeighbourRows = 10;  // pairs shown: painted, nearest trained on

struct Options {
  std::vector<std::string> networks, subjects, media;
  std::string out, golden, curator;
  int pictures = 2048;
  uint64_t trained = 0;
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

void judge(const Options& options) {
  const PictureChoice choice(options.subjects, options.media);
  std::vector<Network> networks;
  for (const std::string& path : options.networks) networks.push_back(load_network(path));
  const int size = networks.back().config.resolution, n = options.pictures;
  const auto held_out = painter_pictures(choice, PictureChoice::kHeldOut, n, size);
  const auto others = painter_pictures(choice, PictureChoice::kHeldOut + uint64_t(n), n, size);
  std::vector<std::pair<std::string, Features>> spaces = {{"random features", random_features}};
  if (!options.curator.empty())
    spaces.push_back({"the curator's space", curator_features(options.curator)});
  std::printf("| Fréchet distance to %d held-out painter pictures |", n);
  for (const auto& [name, features] : spaces) std::printf(" %s |", name.c_str());
  std::printf("\n|---|%s\n", spaces.size() == 1 ? "---|" : "---|---|");
  std::vector<at::Tensor> references;
  for (const auto& [name, features] : spaces) references.push_back(features(held_out));
  const auto row = [&](const std::string& name, const at::Tensor& pictures) {
    std::printf("| %s |", name.c_str());
    for (size_t i = 0; i < spaces.size(); ++i)
      std::printf(" %.4f |", frechet_distance(spaces[i].second(pictures), references[i]));
    std::printf("\n");
    std::fflush(stdout);
  };
  for (size_t i = 0; i < networks.size(); ++i)
    row(options.networks[i], sample(networks[i], 0, n, 1, at::kCPU));
  row("other painter pictures", others);

  // A network that had learnt pictures by heart would be nearer to those it was trained on.
  const Network& last = networks.back();
  const auto painted = sample(last, 0, kGridColumns * kGridRows, 1, at::kCPU);
  if (options.trained > 0) {
    const int known = int(std::min<uint64_t>(options.trained, 16384));
    const auto trained_on =
        painter_pictures(choice, options.trained - uint64_t(known), known, size);
    const auto unseen = painter_pictures(choice, PictureChoice::kHeldOut, known, size);
    const auto near_trained = nearest(painted, trained_on), near_unseen = nearest(painted, unseen);
    std::printf(
        "nearest of %d pictures trained on: median difference %.2f of 255; of as many unseen: "
        "%.2f\n",
        known, median(near_trained.distances), median(near_unseen.distances));
    std::vector<at::Tensor> pairs;
    for (int pair = 0; pair < kNeighbourRows; pair += 2) {
      pairs.push_back(painted.slice(0, pair * kGridColumns / 2, (pair + 2) * kGridColumns / 2));
      for (int i = 0; i < kGridColumns; ++i) {
        const int64_t index = near_trained.indices[size_t(pair * kGridColumns / 2 + i)];
        pairs.push_back(trained_on.slice(0, index, index + 1));
      }
    }
    write_grid(fs::path(options.out) / "generator-neighbours.png", at::cat(pairs), kGridColumns);
  }
  if (!options.golden.empty()) write_golden(options.golden, last);
  write_grid(fs::path(options.out) / "generator-grid.png", painted, kGridColumns);
  draw_sweep(fs::path(options.out) / "generator-truncation.png", last);
}

}  // namespace

void add_judge_generator_command(CLI::App& app) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand(
      "judge-generator", "Measure generators against painter pictures they have not seen");
  command->add_option("networks", o.networks, "safetensors; grids are drawn of the last")
      ->required();
  command->add_option("--out", o.out, "Folder for the grids")->required();
  command->add_option("--pictures", o.pictures, "Of each side of a distance")
      ->check(CLI::Range(512, 1 << 20))
      ->capture_default_str();
  command->add_option(
      "--trained", o.trained,
      "Pictures the last one was trained on: look among the newest of them for copies");
  command->add_option("--golden", o.golden,
                      "Write four small pictures of the last one for the tests");
  command->add_option("--curator", o.curator,
                      "A CLIP network, safetensors: distances in its space too");
  command->add_option("--subjects", o.subjects, "The painter's it was trained on")->delimiter(',');
  command->add_option("--media", o.media, "The painter's it was trained on")->delimiter(',');
  command->callback([options] { judge(*options); });
}

}  // namespace vernissage::training
