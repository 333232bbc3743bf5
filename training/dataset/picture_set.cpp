#include "training/dataset/picture_set.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/error.h"
#include "training/dataset/picture_cache.h"
#include "training/dataset/text_hash.h"

namespace vernissage::training {
namespace {

constexpr uint64_t kHoldOutSeed = 7;
constexpr int kRounds = 4;  // of the Feistel network

// A permutation of 0 … n - 1, another for every key: a Feistel network on the next even number of
// bits, walked until it is below n again. Source: Black and Rogaway 2002, "Ciphers with arbitrary
// finite domains", method 2.
uint64_t permuted(uint64_t i, uint64_t n, uint64_t key) {
  int half = 1;
  while ((uint64_t{1} << (2 * half)) < n) ++half;
  const uint64_t mask = (uint64_t{1} << half) - 1;
  do {
    uint64_t left = i >> half, right = i & mask;
    for (uint64_t round = 0; round < kRounds; ++round) {
      const uint64_t next = left ^ (mixed(right ^ mixed(key * kRounds + round)) & mask);
      left = right;
      right = next;
    }
    i = left << half | right;
  } while (i >= n);
  return i;
}

std::string number(int64_t value) {
  std::string text = std::to_string(value);
  for (size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

struct Choice {
  size_t column = 0;
  std::set<std::string> values;
};

Choice parse_choice(const CsvTable& labels, const std::string& text, const char* option) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos)
    throw Error(std::string(option) + " " + text + ": expected COLUMN=VALUE,VALUE…");
  Choice choice{labels.column(text.substr(0, equals)), {}};
  for (size_t begin = equals + 1;;) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string value = text.substr(begin, end - begin);
    if (std::none_of(labels.rows.begin(), labels.rows.end(),
                     [&](const auto& row) { return row[choice.column] == value; }))
      throw Error(std::string(option) + " " + text + ": no picture has \"" + value + "\"");
    choice.values.insert(value);
    if (end == text.size()) return choice;
    begin = end + 1;
  }
}

std::vector<std::string> lines_of(std::span<const std::byte> bytes) {
  std::vector<std::string> lines;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != text.npos; begin = end + 1)
    lines.emplace_back(text.substr(begin, end - begin));
  return lines;
}

std::string base_name(const std::string& name) {
  return name.substr(name.rfind('/') + 1);
}

// The row of each picture: by its whole name, else by the last part of it.
std::vector<int64_t> rows_of(const std::vector<std::string>& names, const CsvTable& labels) {
  std::vector<int64_t> rows(names.size(), -1);
  if (labels.columns.empty()) return rows;
  const size_t file = labels.column("file");
  std::map<std::string, int64_t> by_name;
  for (size_t row = 0; row < labels.rows.size(); ++row)
    if (!by_name.emplace(labels.rows[row][file], static_cast<int64_t>(row)).second)
      throw Error("file \"" + labels.rows[row][file] + "\" has two rows");
  for (size_t i = 0; i < names.size(); ++i) {
    auto found = by_name.find(names[i]);
    if (found == by_name.end()) found = by_name.find(base_name(names[i]));
    if (found != by_name.end()) rows[i] = found->second;
  }
  return rows;
}

}  // namespace

PictureSet::PictureSet(const PictureSetOptions& options)
    : size_(options.size), mirror_(options.mirror) {
  if (size_ < kPictureSideMin || size_ > kPictureSideMax)
    throw Error("pictures: expected a side from " + std::to_string(kPictureSideMin) + " to " +
                std::to_string(kPictureSideMax) + ", got " + std::to_string(size_));
  const auto path = cached_pictures(options.source, options.cache, size_, options.threads);
  file_ = std::make_unique<MappedFile>(path);
  const Safetensors stored(file_->bytes());
  const auto pictures = stored.tensors().find("pictures"), names = stored.tensors().find("names");
  if (pictures == stored.tensors().end() || names == stored.tensors().end() ||
      pictures->second.shape.size() != 4 || pictures->second.dtype != DType::u8)
    throw Error(path.string() + ": expected \"pictures\" and \"names\"; remove the file");
  pixels_ = pictures->second.bytes;
  names_ = lines_of(names->second.bytes);
  if (std::ssize(names_) != pictures->second.shape[0])
    throw Error(path.string() + ": expected as many names as pictures; remove the file");
  summary_ = number(std::ssize(names_)) + " pictures of " + options.source.filename().string() +
             " at " + std::to_string(size_) + "x" + std::to_string(size_) + " (" +
             stored.metadata().at("skipped") + " files skipped)";
  if (!options.labels.empty()) {
    labels_ = read_csv(options.labels);
    try {
      rows_ = rows_of(names_, labels_);
    } catch (const Error& error) {
      throw Error(options.labels.string() + ": " + error.what());
    }
    summary_ += ", " + number(std::count(rows_.begin(), rows_.end(), -1)) + " without labels";
  } else {
    rows_.assign(names_.size(), -1);
  }
  divide(options);
}

void PictureSet::divide(const PictureSetOptions& options) {
  if ((!options.only.empty() || !options.exclude.empty()) && labels_.columns.empty())
    throw Error("--only and --exclude need --labels");
  std::vector<Choice> only, exclude;
  for (const std::string& text : options.only)
    only.push_back(parse_choice(labels_, text, "--only"));
  for (const std::string& text : options.exclude)
    exclude.push_back(parse_choice(labels_, text, "--exclude"));
  int64_t left_out = 0;
  for (size_t i = 0; i < names_.size(); ++i) {
    const auto is_in = [&](const Choice& choice) {
      return rows_[i] >= 0 &&
             choice.values.contains(labels_.rows[static_cast<size_t>(rows_[i])][choice.column]);
    };
    if (!std::all_of(only.begin(), only.end(), is_in) ||
        std::any_of(exclude.begin(), exclude.end(), is_in)) {
      ++left_out;
      continue;
    }
    const bool is_held_out =
        options.hold_out > 0 &&
        text_hash(base_name(names_[i]), kHoldOutSeed) % uint64_t(options.hold_out) == 0;
    (is_held_out ? held_out_ : training_).push_back(static_cast<int64_t>(i));
  }
  summary_ += ", " + number(left_out) + " left out by choice, " + number(std::ssize(held_out_)) +
              " held out, " + number(std::ssize(training_)) + " to train on";
  if (training_.empty())
    throw Error(options.source.string() + ": nothing is left to train on: " + summary_);
}

const std::string& PictureSet::name(Part part, int64_t i) const {
  return names_[static_cast<size_t>(indices(part)[static_cast<size_t>(i)])];
}

std::span<const uint8_t> PictureSet::pixels(Part part, int64_t i) const {
  const size_t bytes = size_t(size_) * size_t(size_) * 3;
  const auto index = static_cast<size_t>(indices(part)[static_cast<size_t>(i)]);
  return {reinterpret_cast<const uint8_t*>(pixels_.data()) + index * bytes, bytes};
}

std::string PictureSet::label(Part part, int64_t i, const std::string& column) const {
  const int64_t row = rows_[static_cast<size_t>(indices(part)[static_cast<size_t>(i)])];
  const auto found = std::find(labels_.columns.begin(), labels_.columns.end(), column);
  if (row < 0 || found == labels_.columns.end()) return {};
  return labels_
      .rows[static_cast<size_t>(row)][static_cast<size_t>(found - labels_.columns.begin())];
}

PictureSet::Place PictureSet::place(uint64_t position) const {
  const auto n = static_cast<uint64_t>(training_.size());
  const uint64_t round = position / n, picture = permuted(position % n, n, round);
  return {static_cast<int64_t>(picture), mirror_ && ((mixed(picture) ^ round) & 1) != 0};
}

void PictureSet::show(uint64_t position, std::span<uint8_t> rgb) const {
  const Place at = place(position);
  const auto picture = pixels(Part::training, at.picture);
  VERNISSAGE_ASSERT(rgb.size() == picture.size());
  if (!at.is_mirrored) {
    std::memcpy(rgb.data(), picture.data(), picture.size());
    return;
  }
  const auto side = static_cast<size_t>(size_);
  for (size_t y = 0; y < side; ++y)
    for (size_t x = 0; x < side; ++x)
      std::memcpy(rgb.data() + (y * side + x) * 3, picture.data() + (y * side + side - 1 - x) * 3,
                  3);
}

}  // namespace vernissage::training
