#include "training/clip/judge.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/error.h"
#include "training/dataset/painter/caption.h"
#include "training/dataset/painting_caption.h"

namespace vernissage::training {
namespace {

constexpr int kBatch = 64;
constexpr int kRooms = 4;
constexpr uint64_t kWording = 77;  // captions that training never drew

/// A text is right for a picture when it is its caption, whichever picture's row it stands in.
Recall recall(const at::Tensor& scores, const std::vector<std::string>& captions) {
  const auto best = std::get<1>(scores.topk(10, 1)).contiguous();
  const int64_t* places = best.data_ptr<int64_t>();
  Recall result;
  const auto count = static_cast<double>(captions.size());
  for (size_t i = 0; i < captions.size(); ++i)
    for (size_t k = 0; k < 10; ++k)
      if (captions[static_cast<size_t>(places[10 * i + k])] == captions[i]) {
        result.at_10 += 1 / count;
        if (k == 0) result.at_1 += 1 / count;
        break;
      }
  return result;
}

/// Mean of a few prompts' embeddings for each name, of unit length again.
at::Tensor embed_names(const ClipNetwork& network, const std::vector<std::string>& names) {
  at::Tensor sum;
  for (const char* frame : {"", "a painting of ", "a picture of "}) {
    std::vector<std::string> texts;
    for (const std::string& each : names) texts.push_back(frame + each);
    const auto embedded = embed_words(network, texts);
    sum = sum.defined() ? sum + embedded : embedded;
  }
  return sum / sum.norm(2, -1, true);
}

std::vector<int64_t> best_of(const at::Tensor& scores) {
  const auto best = scores.argmax(1).contiguous();
  return {best.data_ptr<int64_t>(), best.data_ptr<int64_t>() + best.numel()};
}

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[400];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

}  // namespace

JudgedPictures look_at_pictures(const ClipNetwork& network, uint64_t first, int count) {
  const at::NoGradGuard no_gradients;
  const ClipTensors tensors = tensors_of(network);
  JudgedPictures judged;
  judged.size = network.config.image_size;
  const size_t bytes = static_cast<size_t>(judged.size) * static_cast<size_t>(judged.size) * 3;
  judged.rgb.resize(static_cast<size_t>(count) * bytes);
  std::vector<at::Tensor> parts;
  for (int begin = 0; begin < count; begin += kBatch) {
    const int n = std::min(kBatch, count - begin);
    uint8_t* batch = judged.rgb.data() + static_cast<size_t>(begin) * bytes;
    for (int i = 0; i < n; ++i) {
      const std::span<uint8_t> rgb(batch + static_cast<size_t>(i) * bytes, bytes);
      judged.facts.push_back(
          paint_into(first + static_cast<uint64_t>(begin + i), judged.size, rgb));
      judged.captions.push_back(caption(judged.facts.back(), look_at(rgb), kWording));
    }
    const auto pixels = at::from_blob(batch, {n, judged.size, judged.size, 3}, at::kByte);
    parts.push_back(
        embed_pictures(network.config, tensors,
                       pixels.permute({0, 3, 1, 2}).to(at::kFloat).div(255).contiguous()));
  }
  judged.embeddings = at::cat(parts);
  return judged;
}

namespace {

at::Tensor embed_held_out(const ClipNetwork& network, const PictureSet& set,
                          const std::vector<int64_t>& which) {
  const at::NoGradGuard no_gradients;
  const ClipTensors tensors = tensors_of(network);
  const int64_t side = set.size(), bytes = side * side * 3;
  std::vector<at::Tensor> parts;
  for (size_t begin = 0; begin < which.size(); begin += kBatch) {
    const size_t end = std::min(begin + kBatch, which.size());
    const auto batch = at::empty({static_cast<int64_t>(end - begin), side, side, 3}, at::kByte);
    for (size_t i = begin; i < end; ++i)
      std::copy_n(set.pixels(PictureSet::Part::held_out, which[i]).data(), bytes,
                  batch.data_ptr<uint8_t>() + static_cast<int64_t>(i - begin) * bytes);
    parts.push_back(embed_pictures(
        network.config, tensors, batch.permute({0, 3, 1, 2}).to(at::kFloat).div(255).contiguous()));
  }
  return at::cat(parts);
}

void judge_genres(const ClipNetwork& network, const at::Tensor& embeddings,
                  const std::vector<std::string>& genre_of, TitledJudgement& result) {
  std::map<std::string, int> counts;
  for (const std::string& genre : genre_of)
    if (!genre.empty()) ++counts[genre];
  for (const auto& [genre, count] : counts)
    if (count >= kGenrePicturesMin) result.genres.push_back(genre);
  const size_t n = result.genres.size();
  if (n == 0) return;
  std::vector<std::string> names;
  for (const std::string& genre : result.genres) names.push_back("a " + genre);
  const auto named = best_of(at::matmul(embeddings, embed_names(network, names).t()));
  result.named.assign(n, std::vector<int>(n));
  for (size_t i = 0; i < genre_of.size(); ++i) {
    const auto found = std::find(result.genres.begin(), result.genres.end(), genre_of[i]);
    if (found != result.genres.end())
      ++result.named[static_cast<size_t>(found - result.genres.begin())]
                    [static_cast<size_t>(named[i])];
  }
  for (size_t i = 0; i < n; ++i)
    result.genre +=
        static_cast<double>(result.named[i][i]) / counts[result.genres[i]] / static_cast<double>(n);
}

}  // namespace

TitledJudgement judge_on_titles(const ClipNetwork& network, const PictureSet& set) {
  constexpr auto kHeldOut = PictureSet::Part::held_out;
  if (set.size() != network.config.image_size)
    throw Error("judging: expected pictures of " + std::to_string(network.config.image_size) +
                ", got " + std::to_string(set.size()));
  std::vector<int64_t> which;
  std::vector<std::string> titles, genres;
  for (int64_t i = 0; i < set.count(kHeldOut); ++i) {
    std::string title = plain_title(set.label(kHeldOut, i, "title"));
    if (title.empty()) continue;
    which.push_back(i);
    titles.push_back(std::move(title));
    genres.push_back(set.label(kHeldOut, i, "genre"));
  }
  if (which.size() < 10)
    throw Error("judging: expected at least ten held-out pictures with a title, got " +
                std::to_string(which.size()));
  TitledJudgement result;
  result.pictures = static_cast<int>(which.size());
  const auto embeddings = embed_held_out(network, set, which);
  const auto scores = at::matmul(embeddings, embed_words(network, titles).t());
  result.text_of_picture = recall(scores, titles);
  result.picture_of_text = recall(scores.t(), titles);
  judge_genres(network, embeddings, genres, result);
  return result;
}

std::string titled_text(const TitledJudgement& j) {
  std::string text =
      format("| %d held-out pictures | best one | best ten |\n|---|---|---|\n", j.pictures);
  text += format("| the title of a picture | %.1f %% | %.1f %% |\n", 100 * j.text_of_picture.at_1,
                 100 * j.text_of_picture.at_10);
  text += format("| the picture of a title | %.1f %% | %.1f %% |\n", 100 * j.picture_of_text.at_1,
                 100 * j.picture_of_text.at_10);
  text += format("| by chance | %.1f %% | %.1f %% |\n\n", 100.0 / j.pictures, 1000.0 / j.pictures);
  text += format("Genre named right out of %d, mean over the genres: %.1f %%.\n\n| genre | named",
                 static_cast<int>(j.genres.size()), 100 * j.genre);
  for (size_t i = 0; i < j.genres.size(); ++i) text += format(" %s |", j.genres[i].c_str());
  text += "\n|---|";
  for (size_t i = 0; i < j.genres.size(); ++i) text += "---|";
  text += "\n";
  for (size_t i = 0; i < j.genres.size(); ++i) {
    text += "| " + j.genres[i] + " |";
    for (const int count : j.named[i]) text += format(" %d |", count);
    text += "\n";
  }
  return text;
}

at::Tensor embed_words(const ClipNetwork& network, const std::vector<std::string>& texts) {
  const at::NoGradGuard no_gradients;
  const Words words(network.merges, network.config.context);
  const ClipTensors tensors = tensors_of(network);
  std::vector<at::Tensor> parts;
  for (size_t begin = 0; begin < texts.size(); begin += kBatch) {
    std::vector<std::vector<int64_t>> ids;
    for (size_t i = begin; i < std::min(begin + kBatch, texts.size()); ++i)
      ids.push_back(words.encode(texts[i]));
    parts.push_back(embed_texts(network.config, tensors, padded(ids)));
  }
  return at::cat(parts);
}

CuratorJudgement judge_curator(const ClipNetwork& network, const JudgedPictures& judged) {
  CuratorJudgement result;
  result.pictures = static_cast<int>(judged.facts.size());
  const auto texts = embed_words(network, judged.captions);
  const auto scores = at::matmul(judged.embeddings, texts.t());
  result.text_of_picture = recall(scores, judged.captions);
  result.picture_of_text = recall(scores.t(), judged.captions);

  std::vector<std::string> subjects, media;
  for (int i = 0; i < kSubjects; ++i) subjects.emplace_back(name(static_cast<Subject>(i)));
  for (int i = 0; i < kMedia; ++i) {
    Facts facts;
    facts.medium = static_cast<Medium>(i);
    media.push_back(phrases(facts, {}).media.front());
  }
  const auto subject = best_of(at::matmul(judged.embeddings, embed_names(network, subjects).t()));
  const auto medium = best_of(at::matmul(judged.embeddings, embed_names(network, media).t()));
  for (size_t i = 0; i < judged.facts.size(); ++i) {
    const Facts& facts = judged.facts[i];
    const auto named = static_cast<Subject>(subject[i]);
    result.subject += named == facts.subject ? 1.0 / result.pictures : 0;
    result.medium += static_cast<Medium>(medium[i]) == facts.medium ? 1.0 / result.pictures : 0;
    ++result
          .rooms[static_cast<size_t>(room_of(facts.subject))][static_cast<size_t>(room_of(named))];
  }
  return result;
}

std::string judgement_json(const CuratorJudgement& j) {
  std::string json = format(
      "{\"pictures\": %d, \"text_of_picture\": {\"recall_at_1\": %.4f, \"recall_at_10\": %.4f}, ",
      j.pictures, j.text_of_picture.at_1, j.text_of_picture.at_10);
  json += format(
      "\"picture_of_text\": {\"recall_at_1\": %.4f, \"recall_at_10\": %.4f}, \"subject\": %.4f, "
      "\"medium\": %.4f, \"rooms\": [",
      j.picture_of_text.at_1, j.picture_of_text.at_10, j.subject, j.medium);
  for (size_t i = 0; i < kRooms; ++i)
    json += format("%s[%d, %d, %d, %d]", i > 0 ? ", " : "", j.rooms[i][0], j.rooms[i][1],
                   j.rooms[i][2], j.rooms[i][3]);
  return json + "]}\n";
}

std::string judgement_text(const CuratorJudgement& j) {
  std::string text =
      format("| %d pictures never trained on | best one | best ten |\n|---|---|---|\n", j.pictures);
  text += format("| the caption of a picture | %.1f %% | %.1f %% |\n", 100 * j.text_of_picture.at_1,
                 100 * j.text_of_picture.at_10);
  text += format("| the picture of a caption | %.1f %% | %.1f %% |\n", 100 * j.picture_of_text.at_1,
                 100 * j.picture_of_text.at_10);
  text += format("| by chance | %.1f %% | %.1f %% |\n\n", 100.0 / j.pictures, 1000.0 / j.pictures);
  text += format("Subject named right out of %d: %.1f %%; medium out of %d: %.1f %%.\n\n",
                 kSubjects, 100 * j.subject, kMedia, 100 * j.medium);
  text += "| painted | named people | nature | city | mood |\n|---|---|---|---|---|\n";
  for (size_t i = 0; i < kRooms; ++i)
    text += format("| %s | %d | %d | %d | %d |\n", name(static_cast<Room>(i)), j.rooms[i][0],
                   j.rooms[i][1], j.rooms[i][2], j.rooms[i][3]);
  return text;
}

}  // namespace vernissage::training
