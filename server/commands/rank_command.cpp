#include "server/commands/rank_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <future>
#include <memory>
#include <numeric>

#include "base/error.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/ranges.h"
#include "engine/clip/text/unicode.h"
#include "engine/formats/metadata.h"
#include "server/curation/curator.h"
#include "server/images/picture_files.h"

namespace vernissage {
namespace {

namespace fs = std::filesystem;

struct RankOptions {
  CuratorOptions curator;
  std::string text;
  fs::path folder;
  size_t top = 10;
  bool json = false;
};

struct Listing {
  std::vector<fs::path> pictures;  // by name
  size_t others = 0;               // files that are no pictures by their name
};

bool has_picture_name(const fs::path& path) {
  std::string suffix = path.extension().string();
  for (char& letter : suffix)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return suffix == ".png" || suffix == ".jpg" || suffix == ".jpeg" || suffix == ".webp";
}

Listing list_folder(const fs::path& folder) {
  std::error_code failed;
  if (!fs::is_directory(folder, failed)) throw Error(folder.string() + ": not a folder");
  Listing listing;
  fs::directory_iterator entry(folder, failed);
  for (const fs::directory_iterator end; !failed && entry != end; entry.increment(failed)) {
    std::error_code ignored;  // what cannot be asked about is found out when it is read
    if (has_picture_name(entry->path()))
      listing.pictures.push_back(entry->path());
    else if (!entry->is_directory(ignored))
      ++listing.others;
  }
  if (failed) throw Error(folder.string() + ": " + failed.message());
  std::sort(listing.pictures.begin(), listing.pictures.end());
  return listing;
}

struct Ranking {
  std::vector<std::pair<double, fs::path>> matches;  // cosine, path; best first, then by name
  std::vector<std::string> unreadable;               // why
};

/// Reads the next batch of files while this one is embedded.
Ranking rank_pictures(Curator& curator, const RankOptions& options,
                      const std::vector<fs::path>& paths, const std::vector<float>& query) {
  Ranking ranking;
  Progress progress(static_cast<int64_t>(paths.size()), "pictures");
  const size_t batch = std::min(static_cast<size_t>(curator.batch()), paths.size());
  const auto part = [&](size_t begin) {
    return std::span(paths).subspan(begin, std::min(batch, paths.size() - begin));
  };
  const auto read = [&](size_t begin) {
    return std::async(std::launch::async, [&, begin] {
      return read_ready_pictures(part(begin), curator.config(), usable_threads(options.curator));
    });
  };
  std::future<std::vector<ReadyPicture>> coming = read(0);
  for (size_t begin = 0; begin < paths.size(); begin += batch) {
    const std::vector<ReadyPicture> pictures = coming.get();
    if (begin + batch < paths.size()) coming = read(begin + batch);
    std::vector<float> pixels;
    std::vector<size_t> indices;
    for (size_t i = 0; i < pictures.size(); ++i) {
      if (pictures[i].pixels.empty()) {
        ranking.unreadable.push_back(pictures[i].reason);
        continue;
      }
      indices.push_back(begin + i);
      pixels.insert(pixels.end(), pictures[i].pixels.begin(), pictures[i].pixels.end());
    }
    std::vector<float> embeddings;
    if (!indices.empty())
      embeddings = curator.encoder().embed_pixels(static_cast<int>(indices.size()), pixels);
    for (size_t i = 0; i < indices.size(); ++i) {
      const auto row = embeddings.begin() + static_cast<std::ptrdiff_t>(i * query.size());
      const double cosine = std::inner_product(query.begin(), query.end(), row, 0.0, std::plus<>(),
                                               [](float a, float b) { return double{a} * b; });
      ranking.matches.emplace_back(cosine, paths[indices[i]]);
    }
    progress.advance(static_cast<int64_t>(pictures.size()));
  }
  progress.finish();
  std::stable_sort(ranking.matches.begin(), ranking.matches.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  return ranking;
}

// Text from the command line and names of files are bytes: what is no UTF-8, or a control character
// that a terminal might obey, shows as U+FFFD.
std::string shown(std::string_view text) {
  std::u32string characters = decode_utf8(text);
  for (char32_t& c : characters)
    if (c < 0x20 || (c >= 0x7f && c < 0xa0)) c = 0xfffd;
  return encode_utf8(characters);
}

std::string name_of(const fs::path& path) {
  return shown(path.filename().native());
}

void print_table(const Ranking& ranking, size_t top) {
  std::printf("%4s  %7s  %s\n", "rank", "cosine", "picture");
  for (size_t i = 0; i < top; ++i)
    std::printf("%4zu  %7.4f  %s\n", i + 1, ranking.matches[i].first,
                name_of(ranking.matches[i].second).c_str());
}

void print_json(const RankOptions& options, const Ranking& ranking, size_t top) {
  std::string text = "{\"text\":" + json_quote(shown(options.text)) +
                     ",\"pictures\":" + std::to_string(ranking.matches.size()) + ",\"matches\":[";
  for (size_t i = 0; i < top; ++i)
    text += std::string(i ? "," : "") + "\n {\"rank\":" + std::to_string(i + 1) +
            ",\"cosine\":" + number_text(ranking.matches[i].first) +
            ",\"file\":" + json_quote(name_of(ranking.matches[i].second)) + "}";
  text += "],\"unreadable\":[";
  for (size_t i = 0; i < ranking.unreadable.size(); ++i)
    text += std::string(i ? "," : "") + "\n " + json_quote(shown(ranking.unreadable[i]));
  std::printf("%s]}\n", text.c_str());
}

std::string count_text(size_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

void rank(const RankOptions& options) {
  const Listing listing = list_folder(options.folder);
  if (listing.pictures.empty())
    throw Error(options.folder.string() + ": no pictures (.png, .jpg, .jpeg, .webp)");
  Curator curator(options.curator);
  std::fprintf(stderr, "%s\n", curator.encoder().describe().c_str());
  const std::vector<float> query = curator.embed_texts({{"--text", options.text}});
  const Ranking ranking = rank_pictures(curator, options, listing.pictures, query);
  for (const std::string& reason : ranking.unreadable)
    std::fprintf(stderr, "%s\n", shown(reason).c_str());
  if (!ranking.unreadable.empty())
    std::fprintf(stderr, "%s could not be read\n",
                 count_text(ranking.unreadable.size(), "picture", "pictures").c_str());
  if (listing.others)
    std::fprintf(stderr, "%s in %s by their names no pictures\n",
                 count_text(listing.others, "file", "files").c_str(),
                 options.folder.string().c_str());
  if (ranking.matches.empty())
    throw Error(options.folder.string() + ": none of its pictures could be read");
  const size_t top = std::min(options.top, ranking.matches.size());
  if (options.json)
    print_json(options, ranking, top);
  else
    print_table(ranking, top);
}

}  // namespace

void add_rank_command(CLI::App& app) {
  const auto options = std::make_shared<RankOptions>();
  CLI::App* command = app.add_subcommand("rank", "The pictures of a folder that fit a text best");
  add_curator_options(*command, options->curator);
  command->add_option("--text", options->text, "what is looked for")->required();
  command->add_option("DIR", options->folder, "folder of pictures: PNG, JPEG, WebP")->required();
  command->add_option("--top", options->top, "how many are shown")
      ->check(from_to(size_t{1}, size_t{1} << 30))
      ->capture_default_str();
  command->add_flag("--json", options->json,
                    "as JSON, with the reasons why a picture could not be read");
  command->callback([options] { rank(*options); });
}

}  // namespace vernissage
