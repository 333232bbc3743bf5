#include "server/commands/embed_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "base/error.h"
#include "base/progress.h"
#include "server/commands/npy.h"
#include "server/curation/curator.h"
#include "server/images/images.h"
#include "server/images/picture_files.h"

namespace vernissage {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLineBytesMax = size_t{1} << 20;

struct EmbedOptions {
  CuratorOptions curator;
  std::vector<std::string> texts;
  std::string text_file;
  std::vector<fs::path> images;
  std::string out;
};

// One text a line.
std::vector<NamedText> read_lines(const std::string& path) {
  std::ifstream file(path);
  if (!file || fs::is_directory(path)) throw Error(path + ": cannot be opened");
  std::vector<NamedText> texts;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) line.pop_back();
    const std::string where = path + ", line " + std::to_string(texts.size() + 1);
    if (line.size() > kLineBytesMax)
      throw Error(where + ": " + std::to_string(line.size()) + " bytes, at most " +
                  std::to_string(kLineBytesMax) + " are read");
    texts.push_back({where, std::move(line)});
  }
  if (texts.empty()) throw Error(path + ": no lines");
  return texts;
}

std::vector<float> embed_pictures(Curator& curator, const EmbedOptions& options) {
  std::vector<float> all;
  Progress progress(static_cast<int64_t>(options.images.size()), "pictures");
  const auto batch = static_cast<size_t>(curator.batch());
  for (size_t begin = 0; begin < options.images.size(); begin += batch) {
    const auto paths =
        std::span(options.images).subspan(begin, std::min(batch, options.images.size() - begin));
    std::vector<float> pixels;
    for (const ReadyPicture& picture :
         read_ready_pictures(paths, curator.config(), usable_threads(options.curator))) {
      // A row left out would move all that follow it.
      if (picture.pixels.empty()) throw Error(picture.reason);
      pixels.insert(pixels.end(), picture.pixels.begin(), picture.pixels.end());
    }
    const std::vector<float> embeddings =
        curator.encoder().embed_pixels(static_cast<int>(paths.size()), pixels);
    all.insert(all.end(), embeddings.begin(), embeddings.end());
    progress.advance(static_cast<int64_t>(paths.size()));
  }
  progress.finish();
  return all;
}

void embed(const EmbedOptions& options) {
  if (!options.out.ends_with(".npy"))
    throw CLI::ValidationError("--out", options.out + ": embeddings are written as .npy");
  expect_writable_folder(fs::absolute(options.out).parent_path());
  std::vector<NamedText> texts;
  for (const std::string& text : options.texts) {
    const std::string which =
        options.texts.size() == 1 ? "" : " " + std::to_string(texts.size() + 1);
    texts.push_back({"--text" + which, text});
  }
  if (!options.text_file.empty()) texts = read_lines(options.text_file);
  Curator curator(options.curator);
  std::printf("%s\n", curator.encoder().describe().c_str());
  std::fflush(stdout);
  const std::vector<float> embeddings =
      texts.empty() ? embed_pictures(curator, options) : curator.embed_texts(texts);
  const int width = curator.config().embedding;
  const int shape[] = {static_cast<int>(embeddings.size()) / width, width};
  write_file_atomically(options.out, encode_npy(embeddings, shape));
  std::printf("%s: float32 (%d, %d)\n", options.out.c_str(), shape[0], shape[1]);
}

}  // namespace

void add_embed_command(CLI::App& app) {
  const auto options = std::make_shared<EmbedOptions>();
  CLI::App* command =
      app.add_subcommand("embed", "Texts or pictures as unit vectors of a CLIP network");
  add_curator_options(*command, options->curator);
  CLI::Option_group* what = command->add_option_group("what", "one of these");
  what->add_option("--text", options->texts, "a text; may be repeated")->take_all();
  what->add_option("--text-file", options->text_file, "a text a line");
  what->add_option("--image", options->images, "pictures: PNG, JPEG, WebP")->take_all();
  what->require_option(1);
  command->add_option("--out", options->out, "file to write, .npy: float32 (count, width)")
      ->required();
  command->callback([options] { embed(*options); });
}

}  // namespace vernissage
