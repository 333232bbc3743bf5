#include "training/dataset/painter/caption.h"

#include <array>

#include "training/dataset/painter/sheet/colour.h"
#include "training/dataset/painter/sheet/random.h"

namespace vernissage::training {
namespace {

using Hue = Impression::Hue;

/// The hue's name by its angle on the usual six-part wheel; pink is a light or bluish red.
Hue hue_of(Colour c, float high, float chroma) {
  float sixth;  // 0 … 6
  if (high == c.r)
    sixth = (c.g - c.b) / chroma + (c.g < c.b ? 6 : 0);
  else if (high == c.g)
    sixth = (c.b - c.r) / chroma + 2;
  else
    sixth = (c.r - c.g) / chroma + 4;
  if (sixth < 0.3f) return high > 0.85f && chroma < 0.45f ? Hue::pink : Hue::red;
  if (sixth < 0.72f) return Hue::orange;
  if (sixth < 1.2f) return Hue::yellow;
  if (sixth < 2.8f) return Hue::green;
  if (sixth < 4.2f) return Hue::blue;
  if (sixth < 4.95f) return Hue::violet;
  if (sixth < 5.72f) return Hue::pink;
  return high > 0.85f && chroma < 0.45f ? Hue::pink : Hue::red;
}

}  // namespace

Impression look_at(std::span<const uint8_t> rgb) {
  std::array<float, 8> weights{};
  float brightness = 0, chroma_sum = 0;
  for (size_t i = 0; i + 2 < rgb.size(); i += 3) {
    const Colour c{static_cast<float>(rgb[i]) / 255, static_cast<float>(rgb[i + 1]) / 255,
                   static_cast<float>(rgb[i + 2]) / 255};
    const float high = maximum(c.r, maximum(c.g, c.b)),
                chroma = high - minimum(c.r, minimum(c.g, c.b));
    brightness += luma(c);
    chroma_sum += chroma;
    if (chroma > 0.06f) weights[static_cast<size_t>(hue_of(c, high, chroma))] += chroma;
  }
  const float pixels = maximum(static_cast<float>(rgb.size() / 3), 1);
  Impression look;
  look.dark = brightness < 0.30f * pixels;
  look.light = brightness > 0.68f * pixels;
  look.vivid = chroma_sum > 0.36f * pixels;
  look.muted = chroma_sum < 0.13f * pixels;
  if (chroma_sum > 0.1f * pixels)
    for (size_t i = 1; i < weights.size(); ++i)
      if (weights[i] > 0.45f * chroma_sum) look.hue = static_cast<Hue>(i);
  return look;
}

std::string caption(const Facts& facts, const Impression& impression, uint64_t wording) {
  const Phrases p = phrases(facts, impression);
  Random random(mixed(wording) ^ facts.seed);
  const auto any = [&](const std::vector<std::string>& words) -> std::string {
    return words.empty() ? ""
                         : words[static_cast<size_t>(random.below(static_cast<int>(words.size())))];
  };
  std::string text;
  const auto append = [&](const std::string& phrase) {
    if (phrase.empty()) return;
    if (!text.empty()) text += ' ';
    text += phrase;
  };
  constexpr std::array kFrames{"", "", "a painting of", "a picture of", "art of"};
  const auto frame = [&] { append(kFrames[static_cast<size_t>(random.below(kFrames.size()))]); };

  const bool mood_first = room_of(facts.subject) == Room::mood && random.chance(0.5f);
  if (random.chance(0.4f)) {  // as a visitor would ask: a word or two
    frame();
    const float kind = random.uniform();
    if (mood_first || (kind < 0.2f && !p.moods.empty()))
      append(any(p.moods.empty() ? p.things : p.moods));
    else
      append(any(p.things));
    if (kind > 0.75f) append(any(p.lights));
    return text;
  }
  const std::string medium = any(p.media);
  if (random.chance(0.3f))
    append(medium);
  else
    frame();
  append(any(p.things));
  if (random.chance(0.6f)) append(any(p.details));
  if (random.chance(0.75f)) append(any(p.lights));
  if (random.chance(0.4f)) append(any(p.colours));
  if (random.chance(0.5f) && text.find(medium) == std::string::npos) append(medium);
  if (random.chance(0.45f)) append(any(p.moods));
  return text;
}

}  // namespace vernissage::training
