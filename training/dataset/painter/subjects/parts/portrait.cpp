#include "training/dataset/painter/subjects/parts/portrait.h"

#include "training/dataset/painter/subjects/parts/elements.h"

namespace vernissage::training {
namespace {

using Hair = Sitter::Hair;
using Hat = Sitter::Hat;

/// Places in the head's own frame: x to the sitter's left on the page, y down, one unit half a face
/// wide.
struct Head {
  const Sitter& sitter;
  Point at(float x, float y) const {
    return sitter.face + rotated(Point{x, y} * sitter.size, sitter.tilt);
  }
  float of(float length) const { return length * sitter.size; }
};

/// Shaded towards the jaw of one who looks left; one who looks right has the light in the face.
Paint skin_paint(const Sitter& s) {
  const bool right = s.turn >= 0;
  Paint skin = right ? graded(mix(s.skin, s.shade, 0.2f), lighter(s.skin, 0.1f))
                     : graded(lighter(s.skin, 0.14f), mix(s.skin, s.shade, 0.45f));
  skin.across = right ? 0.6f : 0.7f;
  skin.down = right ? 0.2f : 0.75f;
  skin.brush = {0.25f, 1};
  skin.detail = 0.75f;
  skin.grain = 0.07f;
  return skin;
}

void draw_hair_behind(Studio& studio, const Head& head) {
  const Sitter& s = head.sitter;
  Paint hair = graded(lighter(s.hair, 0.18f), lighter(s.hair, -0.25f));
  hair.around = true;
  hair.detail = 0.6f;
  hair.wobble = head.of(0.1f);
  switch (s.hair_style) {
    case Hair::none:
    case Hair::cropped:
      break;
    case Hair::bun:
      studio.sheet.disc(head.at(-0.1f, -1.85f), head.of(0.5f), hair);
      studio.sheet.ellipse(head.at(0, -0.45f), head.of(1.16f), head.of(1.15f), hair, s.tilt);
      break;
    case Hair::bob:
      studio.sheet.box(head.at(0, -0.1f), head.of(1.32f), head.of(1.35f), hair, head.of(0.95f),
                       s.tilt);
      break;
    case Hair::flowing:
      studio.sheet.ellipse(head.at(0, -0.3f), head.of(1.3f), head.of(1.4f), hair, s.tilt);
      hair.brush = {0.1f, 1};
      hair.around = false;
      hair.contour = Contour::joined;
      studio.sheet.limb(head.at(-0.85f, -0.2f), head.at(-1.35f, 2.6f), head.of(0.55f),
                        head.of(0.38f), hair);
      studio.sheet.limb(head.at(0.85f, -0.2f), head.at(1.3f, 2.4f), head.of(0.55f), head.of(0.38f),
                        hair);
      break;
    case Hair::braids:
      studio.sheet.ellipse(head.at(0, -0.35f), head.of(1.2f), head.of(1.25f), hair, s.tilt);
      for (const float side : {-1.0f, 1.0f})
        studio.sheet.limb(head.at(side, 0), head.at(side * 1.3f, 2.3f), head.of(0.3f),
                          head.of(0.16f), hair);
      break;
  }
}

void draw_shoulders(Studio& studio, const Head& head) {
  const Sitter& s = head.sitter;
  Sheet& sheet = studio.sheet;
  Random& random = studio.random;
  const float neck = 1.35f + 0.75f * s.long_neck;  // where the neck ends
  const Point base = s.face + Point{0, head.of(neck)};
  const float half = head.of(random.uniform(1.9f, 2.6f)),
              drop = head.of(random.uniform(0.7f, 1.2f));
  Paint cloth = graded(lighter(s.clothes, 0.12f), lighter(s.clothes, -0.3f));
  cloth.brush = {random.uniform(-0.5f, 0.5f), 1};
  cloth.grain = 0.18f;
  cloth.wobble = head.of(0.06f);
  sheet.polygon({base + Point{-head.of(0.62f), -head.of(0.1f)},
                 base + Point{head.of(0.62f), -head.of(0.1f)},
                 base + Point{half * 0.8f, drop * 0.35f},
                 base + Point{half, drop},
                 {base.x + half * 1.15f, 1.1f},
                 {base.x - half * 1.15f, 1.1f},
                 base + Point{-half, drop},
                 base + Point{-half * 0.8f, drop * 0.35f}},
                cloth);
  const int cut = random.below(4);
  if (cut == 0) {  // an open neck
    Paint skin = flat(s.skin);
    skin.detail = 0.7f;
    sheet.polygon({base + Point{-head.of(0.6f), -head.of(0.12f)},
                   base + Point{head.of(0.6f), -head.of(0.12f)}, base + Point{0, head.of(1.25f)}},
                  skin);
  } else if (cut == 1) {  // a round collar
    sheet.ellipse(base + Point{0, head.of(0.08f)}, head.of(0.85f), head.of(0.3f), flat(s.trim));
  } else if (cut == 2) {  // lapels
    sheet.polygon({base + Point{-head.of(0.45f), -head.of(0.1f)},
                   base + Point{head.of(0.45f), -head.of(0.1f)}, base + Point{0, head.of(1.3f)}},
                  flat(lighter(s.trim, 0.4f)));
    sheet.limb(base + Point{0, head.of(0.15f)}, base + Point{0, head.of(1.3f)}, head.of(0.1f),
               head.of(0.16f), flat(s.trim));
  } else {  // a shawl or a stripe
    Paint shawl = flat(s.trim);
    shawl.opacity = 0.85f;
    sheet.limb(base + Point{-half * 0.8f, drop * 0.7f}, base + Point{head.of(0.3f), drop * 1.7f},
               head.of(0.22f), head.of(0.3f), shawl);
  }
  Paint throat = graded(s.shade, s.skin);
  throat.brush = {0, 1};
  throat.detail = 0.7f;
  sheet.limb(head.at(0, 0.7f), base + Point{0, head.of(0.05f)}, head.of(0.46f), head.of(0.55f),
             throat);
}

void draw_features(Studio& studio, const Head& head) {
  const Sitter& s = head.sitter;
  Sheet& sheet = studio.sheet;
  const Palette& p = studio.palette;
  const bool profile = magnitude(s.turn) > 1;
  const float look = s.turn * 0.28f;
  const Colour line = mix(s.shade, p.dark, 0.75f);
  Paint fine = flat(line);
  fine.detail = 1;
  fine.wobble = 0.002f;
  fine.grain = 0.02f;
  fine.contour = Contour::none;

  // The side away from the light, and the cheeks.
  Paint shadow = flat(s.shade);
  shadow.soft = head.of(0.16f);
  shadow.opacity = 0.75f;
  shadow.contour = Contour::none;
  shadow.brush = {0.2f, 1};
  shadow.detail = 0.8f;
  const float away = s.turn >= 0 ? -1.0f : 1.0f;
  sheet.ellipse(head.at(away * 0.72f, 0.25f), head.of(0.2f), head.of(0.75f), shadow, s.tilt);
  Paint cheek = flat(mix(s.skin, p.accent, 0.5f));
  cheek.soft = head.of(0.14f);
  cheek.opacity = 0.45f;
  cheek.contour = Contour::none;
  for (const float side : {-1.0f, 1.0f})
    if (!profile || side * s.turn < 0)
      sheet.disc(head.at(look + side * 0.5f, 0.42f), head.of(0.15f), cheek);

  for (const float side : {-1.0f, 1.0f}) {
    if (profile && side * s.turn < 0) continue;  // behind the nose
    const float x = profile ? 0.9f * look : look + side * 0.42f;
    sheet.limb(head.at(x - 0.22f, -0.36f - 0.03f * side), head.at(x + 0.22f, -0.36f + 0.03f * side),
               head.of(0.055f), head.of(0.045f), fine);
    if (s.closed_eyes) {
      sheet.limb(head.at(x - 0.2f, 0), head.at(x + 0.2f, 0), head.of(0.055f), head.of(0.055f),
                 fine);
      continue;
    }
    Paint white = flat(mix(p.paper, s.skin, 0.15f));
    white.detail = 1;
    white.contour = Contour::none;
    sheet.ellipse(head.at(x, -0.06f), head.of(0.26f), head.of(0.15f), white, s.tilt);
    sheet.disc(head.at(x + s.turn * 0.06f, -0.06f), head.of(0.13f), fine);
    sheet.limb(head.at(x - 0.26f, -0.1f), head.at(x + 0.24f, -0.16f), head.of(0.035f),
               head.of(0.045f), fine);
  }
  Paint nose = flat(mix(s.shade, line, 0.3f));
  nose.detail = 1;
  nose.contour = Contour::none;
  nose.opacity = 0.85f;
  if (!profile)
    sheet.limb(head.at(look * 1.2f + 0.06f * away, -0.15f),
               head.at(look * 1.5f + 0.09f * away, 0.38f), head.of(0.04f), head.of(0.085f), nose);
  if (!profile)
    sheet.limb(head.at(look * 1.5f - 0.12f, 0.45f), head.at(look * 1.5f + 0.12f, 0.45f),
               head.of(0.05f), head.of(0.05f), nose);
  Paint lips = flat(mix(saturated(p.accent, 1.1f), s.shade, s.beard ? 0.6f : 0.15f));
  lips.detail = 1;
  lips.contour = Contour::none;
  const float mouth = profile ? look * 1.6f : look * 1.2f, lip = profile ? 0.15f : 0.27f;
  sheet.ellipse(head.at(mouth, 0.8f), head.of(lip), head.of(0.075f), lips, s.tilt);
  sheet.ellipse(head.at(mouth, 0.87f), head.of(0.74f * lip), head.of(0.075f), lips, s.tilt);
}

void draw_hair_before(Studio& studio, const Head& head) {
  const Sitter& s = head.sitter;
  if (s.hair_style == Hair::none) return;
  Paint hair = graded(lighter(s.hair, 0.22f), lighter(s.hair, -0.1f));
  hair.around = true;
  hair.detail = 0.7f;
  hair.wobble = head.of(0.05f);
  const float part = studio.random.uniform(-0.5f, 0.5f);
  // The scalp, less the brow: where the skull's ellipse is above a slanting line.
  const Point face = s.face;
  const float tilt = s.tilt, size = s.size;
  studio.sheet.fill({face.x - 2 * size, face.y - 2 * size, face.x + 2 * size, face.y + size}, hair,
                    [=](Point p) {
                      const Point q = rotated(p - face, -tilt) * (1 / size);
                      const float skull = ellipse_distance(q - Point{0, -0.3f}, 1.1f, 1.2f);
                      const float brow = q.y + 0.62f - 0.42f * square((q.x - part) * 0.9f);
                      return maximum(skull, brow) * size;
                    });
}

void draw_hat(Studio& studio, const Head& head) {
  const Sitter& s = head.sitter;
  Sheet& sheet = studio.sheet;
  const Palette& p = studio.palette;
  Paint felt = graded(lighter(s.trim, 0.12f), lighter(s.trim, -0.3f));
  felt.detail = 0.6f;
  switch (s.hat) {
    case Hat::none:
      break;
    case Hat::beret:
      sheet.ellipse(head.at(0.25f, -1.25f), head.of(1.3f), head.of(0.5f), felt, s.tilt + 0.03f);
      break;
    case Hat::brim: {
      sheet.ellipse(head.at(0, -0.8f), head.of(2.0f), head.of(0.34f), felt, s.tilt + 0.015f);
      felt.contour = Contour::joined;
      sheet.box(head.at(0, -1.3f), head.of(0.85f), head.of(0.55f), felt, head.of(0.4f), s.tilt);
      Paint band = flat(p.accent);
      band.contour = Contour::none;
      sheet.box(head.at(0, -0.98f), head.of(0.88f), head.of(0.11f), band, 0, s.tilt);
      break;
    }
    case Hat::bowler:
      sheet.ellipse(head.at(0, -1.2f), head.of(1.02f), head.of(0.75f), felt, s.tilt);
      sheet.ellipse(head.at(0, -0.8f), head.of(1.45f), head.of(0.17f), felt, s.tilt);
      break;
    case Hat::crown: {
      Paint gold = graded(mix(p.second, p.light, 0.4f), p.second);
      gold.detail = 0.9f;
      gold.wobble = 0.002f;
      sheet.polygon({head.at(-0.95f, -0.75f), head.at(0.95f, -0.75f), head.at(1.15f, -1.8f),
                     head.at(0.55f, -1.3f), head.at(0, -2.0f), head.at(-0.55f, -1.3f),
                     head.at(-1.15f, -1.8f)},
                    gold);
      Paint jewel = flat(p.accent);
      jewel.contour = Contour::none;
      for (const float x : {-0.6f, 0.0f, 0.6f})
        sheet.disc(head.at(x, -1.0f), head.of(0.13f), jewel);
      break;
    }
    case Hat::veil: {
      Paint cloth = graded(lighter(s.trim, 0.3f), s.trim);
      cloth.brush = {0.15f, 1};
      cloth.wobble = head.of(0.06f);
      const Point face = s.face;
      const float tilt = s.tilt, size = s.size;
      sheet.fill({face.x - 2 * size, face.y - 2.2f * size, face.x + 2 * size, face.y + 3 * size},
                 cloth, [=](Point q0) {
                   const Point q = rotated(q0 - face, -tilt) * (1 / size);
                   const float outer =
                       minimum(ellipse_distance(q - Point{0, -0.25f}, 1.4f, 1.6f),
                               box_distance(q - Point{0, 1.4f}, 1.4f + 0.25f * q.y, 1.6f, 0.2f));
                   const float inner = ellipse_distance(q - Point{0, 0.12f}, 0.92f, 1.15f);
                   return maximum(outer, -inner) * size;
                 });
      break;
    }
    case Hat::wreath:
      for (int i = 0; i < 7; ++i) {
        const float x = (static_cast<float>(i) - 3) / 3;
        draw_flower(studio, head.at(x * 1.05f, -1.25f + 0.5f * x * x), head.of(0.3f),
                    any_bright(studio), p.light);
      }
      break;
    case Hat::scarf: {
      sheet.ellipse(head.at(0, -0.95f), head.of(1.16f), head.of(0.62f), felt, s.tilt);
      sheet.limb(head.at(0.95f, -0.7f), head.at(1.5f, 0.9f), head.of(0.28f), head.of(0.12f), felt);
      break;
    }
  }
}

}  // namespace

void draw_sitter(Studio& studio, const Sitter& s) {
  const Head head{s};
  Sheet& sheet = studio.sheet;
  draw_hair_behind(studio, head);
  if (s.shoulders) draw_shoulders(studio, head);

  const Point face = s.face;
  const float tilt = s.tilt, size = s.size;
  for (const float side : {-1.0f, 1.0f}) {
    Paint ear = flat(s.shade);
    ear.contour = Contour::none;
    if (side * s.turn <= 0.3f)
      sheet.ellipse(head.at(side * 0.98f, 0.05f), head.of(0.16f), head.of(0.27f), ear);
  }
  Paint skin = skin_paint(s);
  sheet.fill(
      {face.x - 1.4f * size, face.y - 1.6f * size, face.x + 1.4f * size, face.y + 1.6f * size},
      skin, [=](Point p) {
        const Point q = rotated(p - face, -tilt) * (1 / size);
        const float skull = ellipse_distance(q - Point{0, -0.3f}, 0.98f, 1.1f);
        const float jaw = ellipse_distance(q - Point{0, 0.35f}, 0.78f, 0.98f);
        return minimum(skull, jaw) * size;
      });
  if (magnitude(s.turn) > 1) {  // the nose and the lips stand out
    skin.contour = Contour::joined;
    const float side = s.turn > 0 ? 1.0f : -1.0f;
    sheet.polygon(
        {head.at(side * 0.88f, -0.3f), head.at(side * 1.3f, 0.33f), head.at(side * 0.8f, 0.45f)},
        skin);
    sheet.ellipse(head.at(side * 0.78f, 0.8f), head.of(0.16f), head.of(0.2f), skin, tilt);
  }
  if (s.beard) {
    Paint beard = graded(s.hair, lighter(s.hair, 0.25f));
    beard.brush = {0.1f, 1};
    beard.wobble = head.of(0.14f);
    beard.detail = 0.7f;
    sheet.fill({face.x - 1.4f * size, face.y, face.x + 1.4f * size, face.y + 2.4f * size}, beard,
               [=](Point p) {
                 const Point q = rotated(p - face, -tilt) * (1 / size);
                 return maximum(ellipse_distance(q - Point{0, 0.75f}, 0.9f, 1.1f),
                                0.5f - q.y - 0.25f * square(q.x)) *
                        size;
               });
  }
  draw_features(studio, head);
  draw_hair_before(studio, head);
  draw_hat(studio, head);
}

}  // namespace vernissage::training
