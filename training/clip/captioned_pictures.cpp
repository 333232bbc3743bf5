#include "training/clip/captioned_pictures.h"

#include "training/clip/words.h"
#include "training/dataset/painter/caption.h"
#include "training/dataset/painter/painter.h"
#include "training/dataset/painter/sheet/random.h"
#include "training/dataset/painting_caption.h"
#include "training/dataset/training_seeds.h"

namespace vernissage::training {
namespace {

CatalogueEntry entry_of(const PictureSet& set, int64_t picture) {
  constexpr auto kPart = PictureSet::Part::training;
  return {set.label(kPart, picture, "title"), set.label(kPart, picture, "genre"),
          set.label(kPart, picture, "style")};
}

}  // namespace

CaptionedPictures painter_pictures(int size) {
  return {"painter",
          [size](uint64_t position, std::span<uint8_t> rgb) {
            paint_into(kTrainingSeeds + position, size, rgb);
          },
          [](uint64_t position, std::span<const uint8_t> rgb, uint64_t wording) {
            return caption(facts_of(kTrainingSeeds + position), look_at(rgb), 1000 + wording);
          }};
}

CaptionedPictures labelled_pictures(std::shared_ptr<const PictureSet> set, int painter_every) {
  const CaptionedPictures painter = painter_pictures(set->size());
  const auto every = static_cast<uint64_t>(painter_every);
  const auto is_painters = [every](uint64_t position) {
    return every > 0 && position % every == every - 1;
  };
  // The position among the set's own pictures.
  const auto own = [every](uint64_t position) {
    return every > 0 ? position - position / every : position;
  };
  return {"pictures with titles, painter every " + std::to_string(painter_every),
          [=](uint64_t position, std::span<uint8_t> rgb) {
            if (is_painters(position)) return painter.show(position, rgb);
            set->show(own(position), rgb);
          },
          [=](uint64_t position, std::span<const uint8_t> rgb, uint64_t wording) {
            if (is_painters(position)) return painter.caption(position, rgb, wording);
            const int64_t picture = set->place(own(position)).picture;
            return painting_caption(entry_of(*set, picture), look_at(rgb),
                                    mixed(position) + wording);
          }};
}

std::map<std::string, int64_t> count_title_words(const PictureSet& set, uint64_t wordings) {
  constexpr auto kPart = PictureSet::Part::training;
  std::map<std::string, int64_t> words;
  for (int64_t i = 0; i < set.count(kPart); ++i) {
    const CatalogueEntry entry = entry_of(set, i);
    const Impression look = look_at(set.pixels(kPart, i));
    for (uint64_t wording = 0; wording < wordings; ++wording)
      for (std::string& word :
           split_words(painting_caption(entry, look, mixed(static_cast<uint64_t>(i)) + wording)))
        ++words[std::move(word)];
  }
  return words;
}

}  // namespace vernissage::training
