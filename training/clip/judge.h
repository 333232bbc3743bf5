// How well a curator knows pictures that it has never seen.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "training/clip/model.h"
#include "training/clip/words.h"
#include "training/dataset/painter/painter.h"
#include "training/dataset/picture_set.h"

namespace vernissage::training {

/// Share of rows whose own column is among the best one and the best ten.
struct Recall {
  double at_1 = 0, at_10 = 0;
};

struct CuratorJudgement {
  int pictures = 0;
  Recall text_of_picture, picture_of_text;    // among all pictures, by one caption each
  double subject = 0, medium = 0;             // named right out of all of the painter's
  std::array<std::array<int, 4>, 4> rooms{};  // [painted][named], by the subject named
};

/// Pictures of seeds `first` on, painted and embedded.
struct JudgedPictures {
  int size = 0;
  std::vector<Facts> facts;
  std::vector<std::string> captions;
  std::vector<uint8_t> rgb;  // (N, size, size, 3)
  at::Tensor embeddings;     // (N, E)
};
JudgedPictures look_at_pictures(const ClipNetwork& network, uint64_t first, int count);

/// Unit embeddings of texts (N, E).
at::Tensor embed_words(const ClipNetwork& network, const std::vector<std::string>& texts);

CuratorJudgement judge_curator(const ClipNetwork& network, const JudgedPictures& pictures);
/// A curator before the held-out pictures of a set with titles and genres.
struct TitledJudgement {
  int pictures = 0;                         // with a title
  Recall text_of_picture, picture_of_text;  // by the whole title, in plain_title()'s spelling
  std::vector<std::string> genres;          // of at least kGenrePicturesMin pictures
  std::vector<std::vector<int>> named;      // [genre][named]
  double genre = 0;                         // named right, mean over the genres
};
inline constexpr int kGenrePicturesMin = 10;

/// Throws Error when the set has no held-out picture with a title, or not S.
TitledJudgement judge_on_titles(const ClipNetwork& network, const PictureSet& set);
std::string titled_text(const TitledJudgement& judgement);

/// One JSON object.
std::string judgement_json(const CuratorJudgement& judgement);
/// The room table in Markdown, with the recalls above it.
std::string judgement_text(const CuratorJudgement& judgement);

}  // namespace vernissage::training
