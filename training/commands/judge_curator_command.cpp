// vernissage-train judge-curator: a trained curator before pictures that it has never seen.
#include <cstdio>
#include <memory>
#include <sstream>

#include "base/error.h"
#include "base/ranges.h"
#include "training/clip/judge.h"
#include "training/commands/commands.h"
#include "training/commands/dataset_options.h"
#include "training/grid.h"
#include "training/png_file.h"

namespace vernissage::training {
namespace {

struct Options {
  std::string curator, grid;
  std::vector<std::string> queries;
  int pictures = 1000;
  int best = 10;
  bool json = false;
  DatasetOptions dataset;
};

/// A row for each query: the best pictures in falling order.
void draw_best(const Options& options, const ClipNetwork& network, const JudgedPictures& judged) {
  const auto scores = at::matmul(embed_words(network, options.queries), judged.embeddings.t());
  const auto best = std::get<1>(scores.topk(options.best, 1)).contiguous();
  const size_t bytes = static_cast<size_t>(judged.size) * static_cast<size_t>(judged.size) * 3;
  Grid grid(options.best, static_cast<int>(options.queries.size()), judged.size);
  for (int i = 0; i < static_cast<int>(best.numel()); ++i) {
    const auto picture = static_cast<size_t>(best.data_ptr<int64_t>()[i]);
    grid.put(i, {judged.rgb.data() + picture * bytes, bytes});
  }
  write_png(options.grid, grid.width(), grid.height(), grid.rgb);
}

void judge(const Options& options) {
  if (options.grid.empty() != options.queries.empty())
    throw Error("--grid and --queries belong together");
  if (options.best > options.pictures)
    throw Error("--best " + std::to_string(options.best) + ": more than --pictures");
  const ClipNetwork network = load_clip(options.curator);
  if (options.dataset.is_given()) {
    if (options.json || !options.grid.empty())
      throw Error("--json and --grid are for the painter's pictures, not for --data");
    const auto set = read_picture_set(options.dataset, network.config.image_size, 2, ".");
    const std::string found = titled_text(judge_on_titles(network, *set));
    std::fwrite(found.data(), 1, found.size(), stdout);
    return;
  }
  const JudgedPictures judged = look_at_pictures(network, 0, options.pictures);
  const CuratorJudgement judgement = judge_curator(network, judged);
  const std::string text = options.json ? judgement_json(judgement) : judgement_text(judgement);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!options.grid.empty()) draw_best(options, network, judged);
}

}  // namespace

void add_judge_curator_command(CLI::App& app) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand(
      "judge-curator", "Recall, named subjects and rooms on pictures never trained on");
  command->add_option("CURATOR", o.curator, "The network")->required();
  command->add_option("--pictures", o.pictures, "How many")
      ->check(from_to(10, 100000))
      ->capture_default_str();
  command->add_flag("--json", o.json, "One JSON object instead of Markdown");
  command->add_option("--queries", o.queries, "Texts, with commas between")->delimiter(',');
  command->add_option("--grid", o.grid, "PNG: the best pictures of each query, a row each");
  command->add_option("--best", o.best, "Pictures in a row")
      ->check(from_to(1, 100))
      ->capture_default_str();
  add_dataset_options(*command, o.dataset);
  command->callback([options] { judge(*options); });
}

}  // namespace vernissage::training
