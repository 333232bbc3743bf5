#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ranges.h"
#include "training/commands/commands.h"
#include "training/dataset/painter/painter.h"
#include "training/grid.h"
#include "training/png_file.h"

namespace vernissage::training {
namespace {

struct Options {
  std::string grid = "20x10", out, subject, medium;
  int size = 128;
  uint64_t seed = 0;
};

void paint_grid(const Options& options) {
  int columns = 0, rows = 0;
  char rest = 0;
  if (std::sscanf(options.grid.c_str(), "%dx%d%c", &columns, &rows, &rest) != 2 || columns < 1 ||
      rows < 1 || columns > 200 || rows > 200)
    throw Error("--grid " + options.grid + ": expected COLUMNSxROWS, each 1 to 200");
  Grid grid(columns, rows, options.size);
  std::vector<uint8_t> rgb(static_cast<size_t>(options.size) * static_cast<size_t>(options.size) *
                           3);
  const auto start = std::chrono::steady_clock::now();
  uint64_t seed = options.seed;
  for (int i = 0; i < columns * rows; ++seed) {
    const Facts facts = facts_of(seed);
    if (!options.subject.empty() && options.subject != name(facts.subject) &&
        options.subject != name(room_of(facts.subject)))
      continue;
    if (!options.medium.empty() && options.medium != name(facts.medium)) continue;
    paint_facts(facts, options.size, rgb);
    grid.put(i++, rgb);
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  write_png(options.out, grid.width(), grid.height(), grid.rgb);
  std::printf("%s: %d pictures, %.0f/s\n", options.out.c_str(), columns * rows,
              columns * rows / seconds);
}

}  // namespace

void add_paint_command(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("paint", "a sheet of pictures as the painter makes them, to be looked at");
  command->add_option("--out", options->out, "the PNG file to write")->required();
  command->add_option("--grid", options->grid, "columns x rows")->capture_default_str();
  command->add_option("--size", options->size, "side of one picture, 16 to 1024")
      ->check(from_to(kPaintingSizeMin, kPaintingSizeMax))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "of the first picture")->capture_default_str();
  command->add_option("--subject", options->subject,
                      "only this subject or room, e.g. \"round dance\" or city");
  command->add_option("--medium", options->medium, "only this medium, e.g. oil");
  command->callback([options] { paint_grid(*options); });
}

}  // namespace vernissage::training
