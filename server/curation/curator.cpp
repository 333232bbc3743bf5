#include "server/curation/curator.h"

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/ranges.h"
#include "base/regular_file.h"

namespace vernissage {
namespace {

constexpr int kBatch = 32;
constexpr int kBatchMax = 1024;

// As they are published: a folder, or torch's archives, which begin with PK.
bool is_checkpoint(const std::string& path) {
  if (std::filesystem::is_directory(path)) return true;
  expect_regular_file(path);
  std::array<char, 2> start{};
  std::ifstream(path, std::ios::binary).read(start.data(), start.size());
  return start[0] == 'P' && start[1] == 'K';
}

ClipNetwork load(const std::string& path) {
  if (is_checkpoint(path))
    throw Error(
        path +
        ": a checkpoint, not a converted network; convert it first: vernissage-weights convert " +
        path + " curator.safetensors");
  return load_clip(path);
}

}  // namespace

void add_curator_options(CLI::App& command, CuratorOptions& options) {
  command
      .add_option("--curator", options.path,
                  "CLIP network (.safetensors, from vernissage-weights convert)")
      ->required();
  command.add_option("--device", options.device, "auto: CUDA when there is one, else the CPU")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str();
  command.add_option("--precision", options.precision, "of the products; f16 on CUDA only")
      ->check(CLI::IsMember({"f32", "f16"}))
      ->capture_default_str();
  command.add_option("--batch", options.batch, "texts or pictures at once (default: 32)")
      ->check(from_to(1, kBatchMax));
  command.add_option("--threads", options.threads, "threads of the CPU (default: all cores)")
      ->check(from_to(1, 1024));
}

int usable_threads(const CuratorOptions& options) {
  return options.threads ? options.threads : static_cast<int>(std::thread::hardware_concurrency());
}

Curator::Curator(const CuratorOptions& options)
    : path_(options.path), batch_(options.batch ? options.batch : kBatch) {
  const ClipNetwork network = load(path_);
  if (network.has_tokenizer()) tokenizer_.emplace(network);
  encoder_ = make_clip_encoder(network, options.device, precision_named(options.precision),
                               options.threads, batch_);
}

std::vector<float> Curator::embed_texts(const std::vector<NamedText>& texts) {
  if (!tokenizer_)
    throw Error(path_ +
                ": came without a tokenizer, so it cannot read words; convert it again with one");
  std::vector<std::vector<int32_t>> tokens;
  for (const NamedText& text : texts) {
    if (Tokenizer::has_reserved(text.text))
      throw Error(text.where +
                  ": <|startoftext|> and <|endoftext|> are tokens of the network, not words; leave "
                  "them out");
    tokens.push_back(tokenizer_->encode(text.text));
    if (tokens.back().size() <= 2) throw Error(text.where + ": no words");
    const size_t length = tokenizer_->length(text.text);
    if (length > tokens.back().size())
      std::fprintf(stderr, "%s: %zu tokens, of which the network reads the first %d\n",
                   text.where.c_str(), length, config().context);
  }
  return encoder_->embed_tokens(tokens);
}

}  // namespace vernissage
