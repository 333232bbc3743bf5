// People: portraits, figures alone and together.
#include <array>

#include "training/dataset/painter/subjects/parts/elements.h"
#include "training/dataset/painter/subjects/parts/figures.h"
#include "training/dataset/painter/subjects/parts/portrait.h"

namespace vernissage::training {
namespace {

using Hair = Sitter::Hair;
using Hat = Sitter::Hat;

Sitter any_sitter(Studio& studio) {
  Random& random = studio.random;
  const Palette& p = studio.palette;
  Sitter s;
  s.face = {random.uniform(0.42f, 0.58f), random.uniform(0.37f, 0.44f)};
  s.size = random.uniform(0.155f, 0.205f);
  s.turn = random.uniform(-1, 1);
  s.tilt = random.uniform(-0.035f, 0.035f);
  s.skin = p.skin;
  s.shade = p.shade;
  s.hair = p.hair;
  s.clothes = any_bright(studio);
  s.trim = any_bright(studio);
  s.long_neck = random.chance(0.2f) ? random.uniform(1.5f, 2.0f) : random.uniform(0.7f, 1.1f);
  return s;
}

void portrait(Studio& studio) {
  Random& random = studio.random;
  const Palette& p = studio.palette;
  draw_backdrop(studio);
  Sitter s = any_sitter(studio);
  const auto one_of = [&](auto... hats) {
    const std::array all{hats...};
    return all[static_cast<size_t>(random.below(static_cast<int>(all.size())))];
  };
  switch (studio.facts.subject) {
    case Subject::master:
      s.hair_style = one_of(Hair::none, Hair::cropped, Hair::cropped);
      s.beard = true;
      s.clothes = mix(p.dark, s.clothes, 0.35f);
      s.hat = studio.facts.hat ? one_of(Hat::beret, Hat::brim, Hat::bowler) : Hat::none;
      break;
    case Subject::ruler:
      s.hair_style = one_of(Hair::bob, Hair::flowing, Hair::cropped);
      s.beard = s.hair_style == Hair::cropped;
      s.hat = Hat::crown;
      s.face.y += 0.06f;
      s.clothes = random.chance(0.6f) ? p.accent : p.water;
      s.trim = p.second;
      break;
    case Subject::child:
      s.size *= 0.92f;
      s.face.y += 0.08f;
      s.long_neck = 0.4f;
      s.hair_style = one_of(Hair::bob, Hair::cropped, Hair::braids);
      s.hat = studio.facts.hat ? one_of(Hat::beret, Hat::wreath) : Hat::none;
      break;
    case Subject::old_age:
      s.hair = mix(p.paper, p.far, 0.3f);
      s.beard = random.chance(0.5f);
      s.hair_style = s.beard ? one_of(Hair::none, Hair::cropped) : Hair::bun;
      s.hat = studio.facts.hat ? one_of(Hat::scarf, Hat::veil) : Hat::none;
      s.clothes = mix(p.dark, p.near, 0.4f);
      break;
    default:
      s.hair_style = one_of(Hair::bun, Hair::bob, Hair::flowing, Hair::flowing, Hair::braids);
      if (studio.facts.flowers)
        s.hat = Hat::wreath;
      else if (studio.facts.hat)
        s.hat = one_of(Hat::brim, Hat::brim, Hat::veil, Hat::scarf);
      break;
  }
  if (studio.facts.profile) s.turn = s.turn > 0 ? 1.5f : -1.5f;
  draw_sitter(studio, s);
  if (studio.facts.flowers && studio.facts.subject != Subject::beauty) {
    const Point at{random.chance(0.5f) ? 0.2f : 0.8f, 0.85f};
    for (int i = 0; i < 4; ++i)
      draw_flower(studio, at + Point{random.uniform(-0.1f, 0.1f), random.uniform(-0.08f, 0.08f)},
                  0.06f, any_bright(studio), p.light);
  }
}

/// A place out of doors or a stage for whole figures; returns the ground's height.
float place_for_figures(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float ground = random.uniform(0.52f, 0.7f);
  const int kind = random.below(3);
  if (kind == 0) {
    draw_backdrop(studio);
  } else {
    draw_sky(studio, ground);
    if (kind == 1)
      sheet.below(ground - 0.08f, 0.07f, 1.4f, graded(p.far, mix(p.far, p.near, 0.5f)));
  }
  Paint floor = graded(mix(p.near, p.low, 0.25f), lighter(p.near, -0.15f));
  floor.brush = {1, 0.1f};
  floor.detail = 0.15f;
  floor.grain = 0.18f;
  sheet.below(ground, 0.02f, 1, floor);
  return ground;
}

void draw_shadow(Studio& studio, Point feet, float half) {
  Paint shadow = flat(studio.palette.dark);
  shadow.opacity = 0.4f;
  shadow.soft = 0.015f;
  shadow.contour = Contour::none;
  studio.sheet.ellipse(feet + Point{half * 0.5f, 0.01f}, half, half * 0.22f, shadow);
}

void lone_figure(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  place_for_figures(studio);
  const Point feet{random.uniform(0.3f, 0.7f), random.uniform(0.86f, 0.94f)};
  Figure f = any_figure(studio, feet, random.uniform(0.5f, 0.76f));
  f.hat = facts.hat;
  if (facts.subject == Subject::dancer) {
    f.lean = random.uniform(-0.8f, 0.8f);
    f.dress = random.chance(0.7f);
    f.clothes = random.chance(0.6f) ? p.accent : f.clothes;
    f.left_hand = {random.uniform(-0.38f, -0.2f), random.uniform(-1.1f, -0.7f)};
    f.right_hand = {random.uniform(0.2f, 0.38f), random.uniform(-1.1f, -0.6f)};
    f.stride = random.uniform(0.2f, 0.42f);
  }
  draw_shadow(studio, feet, f.height * 0.2f);
  draw_figure(studio, f);
  if (facts.subject == Subject::musician) {
    const Point lap = feet + Point{0.01f, -0.56f * f.height};
    Paint wood = graded(mix(p.second, p.near, 0.3f), lighter(p.near, -0.2f));
    wood.detail = 0.9f;
    sheet.limb(lap, lap + Point{0.3f * f.height, -0.17f * f.height}, 0.016f * f.height,
               0.012f * f.height, flat(p.dark));
    sheet.disc(lap + Point{-0.07f, 0.05f} * f.height, 0.13f * f.height, wood);
    wood.contour = Contour::joined;
    sheet.disc(lap + Point{0.03f, -0.005f} * f.height, 0.095f * f.height, wood);
    sheet.disc(lap, 0.038f * f.height, flat(p.dark));
  }
}

void couple(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  place_for_figures(studio);
  if (facts.subject == Subject::date && random.chance(0.45f)) {  // under a tree
    draw_tree(studio, {random.chance(0.5f) ? 0.16f : 0.86f, 0.8f}, random.uniform(0.5f, 0.7f),
              p.leaf, false);
  }
  const float height = random.uniform(0.52f, 0.7f), middle = random.uniform(0.44f, 0.56f),
              y = random.uniform(0.86f, 0.93f);
  const bool close = facts.subject == Subject::embrace;
  const float gap = close ? 0.075f : random.uniform(0.12f, 0.17f);
  Figure her = any_figure(studio, {middle - gap, y}, height * 0.94f);
  Figure him = any_figure(studio, {middle + gap, y}, height);
  her.dress = true;
  him.dress = false;
  her.lean = close ? 0.32f : random.uniform(0.0f, 0.2f);
  him.lean = close ? -0.32f : random.uniform(-0.2f, 0.0f);
  him.hat = facts.hat;
  if (facts.subject == Subject::friends) {
    her.dress = him.dress = random.chance(0.6f);
    her.height = him.height;
  } else if (facts.subject == Subject::wedding) {
    her.clothes = mix(p.paper, p.light, 0.5f);
    him.clothes = him.legs = p.dark;
  } else if (luma(her.clothes) < luma(him.clothes)) {
    std::swap(her.clothes, him.clothes);
  }
  draw_shadow(studio, her.feet, 0.12f);
  draw_shadow(studio, him.feet, 0.12f);
  const float reach = 2 * gap;
  if (close) {
    her.right_hand = {reach / height + 0.1f, -0.72f};
    her.left_hand = {reach / height + 0.02f, -0.6f};
    him.left_hand = {-reach / height - 0.08f, -0.55f};
    him.right_hand = {-reach / height, -0.68f};
  } else {  // hand in hand
    her.right_hand = {gap / height, -0.47f};
    him.left_hand = {-gap / height, -0.45f};
  }
  draw_figure(studio, him);
  draw_figure(studio, her);
  if (facts.subject == Subject::wedding || facts.flowers) {
    const Point bouquet = her.feet + her.right_hand * height - Point{0.0f, 0.02f};
    for (int i = 0; i < 4; ++i)
      draw_flower(studio,
                  bouquet + Point{random.uniform(-0.03f, 0.03f), random.uniform(-0.03f, 0.03f)},
                  0.032f, any_bright(studio), p.light);
  }
  if (facts.subject == Subject::date && random.chance(0.25f)) {  // a red umbrella over both
    const Point top{middle, y - height * 1.22f};
    Paint cloth = graded(lighter(p.accent, 0.15f), lighter(p.accent, -0.25f));
    cloth.around = true;
    sheet.line({middle, y - height * 0.5f}, top, 0.012f, flat(p.dark));
    const float r = 0.24f;
    sheet.fill({top.x - r, top.y - r, top.x + r, top.y + r}, cloth, [=](Point q) {
      return maximum(length(q - top - Point{0, 0.1f}) - r, q.y - top.y - 0.04f);
    });
  }
}

void family(Studio& studio) {
  Random& random = studio.random;
  place_for_figures(studio);
  const float y = random.uniform(0.86f, 0.92f), height = random.uniform(0.5f, 0.62f);
  const int children = studio.facts.count < 3 ? studio.facts.count : 3;
  const float step = 0.66f / static_cast<float>(children + 1), first = 0.17f;
  for (int i = 0; i < children + 2; ++i) {
    const bool adult = i == 0 || i == children + 1;
    const float tall =
        adult ? height * (i == 0 ? 1 : 0.94f) : height * random.uniform(0.45f, 0.65f);
    Figure f =
        any_figure(studio, {first + step * static_cast<float>(i), y + (adult ? 0 : 0.03f)}, tall);
    f.dress = i == children + 1 || (!adult && random.chance(0.5f));
    f.hat = i == 0 && studio.facts.hat;
    f.lean *= 0.4f;
    // Hand in hand along the row, at the height of a child's shoulder.
    const float reach = step / 2 / tall, hand = -0.3f * height / tall - (adult ? 0.0f : 0.08f);
    if (i > 0) f.left_hand = {-reach, hand};
    if (i < children + 1) f.right_hand = {reach, hand};
    draw_shadow(studio, f.feet, tall * 0.18f);
    draw_figure(studio, f);
  }
}

void round_dance(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float hill = random.uniform(0.42f, 0.62f);
  Paint sky = graded(p.high, mix(p.high, p.low, 0.6f));
  sky.detail = 0.1f;
  sky.grain = 0.15f;
  sheet.everything(sky);
  if (facts.sun || facts.moon) draw_sky(studio, hill);
  Paint meadow = graded(lighter(p.leaf, 0.1f), lighter(p.leaf, -0.2f));
  meadow.detail = 0.1f;
  meadow.grain = 0.15f;
  sheet.below(hill, 0.1f, 0.8f, meadow);

  constexpr int kMost = 8;
  const int count = facts.count < kMost ? facts.count : kMost;
  const bool bare = random.chance(0.55f);
  const Point middle{random.uniform(0.46f, 0.54f), random.uniform(0.68f, 0.74f)};
  const float rx = random.uniform(0.3f, 0.36f), ry = random.uniform(0.12f, 0.19f);
  const float first = random.uniform();
  const Colour skin = bare ? mix(p.skin, p.accent, random.uniform(0.0f, 0.6f)) : p.skin;
  std::array<Figure, kMost> ring;
  for (int i = 0; i < count; ++i) {
    const float turns = first + static_cast<float>(i) / static_cast<float>(count);
    const Point feet = middle + Point{rx * cosine(turns), ry * sine(turns)};
    const float height = 0.36f + 0.3f * (feet.y - middle.y + ry);
    Figure& f = ring[static_cast<size_t>(i)];
    f = any_figure(studio, feet, height);
    f.bare = bare;
    f.skin = lighter(skin, random.uniform(-0.08f, 0.08f));
    f.lean = -cosine(turns) * random.uniform(-0.4f, 0.9f);
    f.stride = random.uniform(0.18f, 0.4f);
  }
  // Hands meet half-way between neighbours, on the page's left or right of each.
  const auto hand = [&](const Figure& a, const Figure& b) {
    const Point pa = a.feet - Point{0, 0.68f * a.height}, pb = b.feet - Point{0, 0.68f * b.height};
    return mix(pa, pb, 0.5f);
  };
  for (int i = 0; i < count; ++i) {
    Figure& f = ring[static_cast<size_t>(i)];
    Point one = hand(f, ring[static_cast<size_t>((i + 1) % count)]);
    Point other = hand(f, ring[static_cast<size_t>((i + count - 1) % count)]);
    if (one.x > other.x) std::swap(one, other);
    f.left_hand = (one - f.feet) * (1 / f.height);
    f.right_hand = (other - f.feet) * (1 / f.height);
  }
  // The far ones first.
  std::array<int, kMost> order{};
  for (int i = 0; i < count; ++i) order[static_cast<size_t>(i)] = i;
  for (int i = 1; i < count; ++i)
    for (int j = i; j > 0; --j) {
      int &a = order[static_cast<size_t>(j - 1)], &b = order[static_cast<size_t>(j)];
      if (ring[static_cast<size_t>(a)].feet.y > ring[static_cast<size_t>(b)].feet.y)
        std::swap(a, b);
    }
  for (int i = 0; i < count; ++i) {
    const Figure& f = ring[static_cast<size_t>(order[static_cast<size_t>(i)])];
    draw_shadow(studio, f.feet, f.height * 0.16f);
    draw_figure(studio, f);
  }
}

void crowd(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const bool procession = facts.subject == Subject::procession;
  draw_sky(studio, 0.4f);
  sheet.below(random.uniform(0.3f, 0.42f), 0.06f, 1.5f, graded(p.far, p.near));
  const int rows = procession ? 1 : 4;
  for (int row = 0; row < rows; ++row) {
    const float depth = procession ? 0.8f : static_cast<float>(row) / 3;
    const float height = procession ? random.uniform(0.36f, 0.46f) : mix(0.24f, 0.5f, depth);
    const float y = procession ? 0.85f : mix(0.56f, 1.12f, depth);
    const int count = procession ? 7 : 7 - row;
    const float shift = random.uniform(0, 0.6f);
    for (int i = 0; i < count; ++i) {
      const float x =
          (static_cast<float>(i) + shift + random.uniform(-0.2f, 0.2f)) / static_cast<float>(count);
      const float slope = procession ? 0.14f * (x - 0.5f) : 0;
      Figure f = any_figure(studio, {x, y - slope + random.uniform(-0.015f, 0.015f)},
                            height * random.uniform(0.9f, 1.08f));
      f.hat = random.chance(0.3f);
      f.left_hand.x *= 0.7f;
      f.right_hand.x *= 0.7f;
      if (procession && random.chance(0.5f)) {  // banners and candles
        f.right_hand = {0.18f, -0.75f};
        const Point hand = f.feet + f.right_hand * f.height;
        sheet.line(hand + Point{0, 0.1f}, hand - Point{0, 0.2f}, 0.009f, flat(p.dark));
        sheet.box(hand + Point{0.035f, -0.16f}, 0.035f, 0.05f, flat(any_bright(studio)));
      }
      draw_figure(studio, f);
    }
  }
}

void mother_and_child(Studio& studio) {
  Random& random = studio.random;
  const Palette& p = studio.palette;
  draw_backdrop(studio);
  Sitter mother = any_sitter(studio);
  const float side = random.sign();
  mother.face = {0.5f - side * 0.07f, 0.32f};
  mother.size = 0.14f;
  mother.turn = side * 0.8f;
  mother.tilt = side * 0.045f;
  mother.hat = random.chance(0.55f) ? Hat::veil : Hat::none;
  mother.trim = mix(p.water, p.high, 0.4f);
  mother.hair_style = mother.hat == Hat::veil ? Hair::cropped : Hair::bun;
  mother.closed_eyes = random.chance(0.5f);
  draw_sitter(studio, mother);
  Sitter child = mother;
  child.face = {0.5f + side * 0.12f, 0.62f};
  child.size = 0.092f;
  child.turn = -side * 0.7f;
  child.tilt = -side * 0.05f;
  child.hat = Hat::none;
  child.hair_style = Hair::cropped;
  child.closed_eyes = random.chance(0.5f);
  child.shoulders = false;
  Paint wrap = graded(lighter(p.paper, -0.05f), mix(p.paper, mother.clothes, 0.45f));
  wrap.around = true;
  studio.sheet.ellipse({0.5f + side * 0.02f, 0.8f}, 0.24f, 0.13f, wrap, -side * 0.06f);
  draw_sitter(studio, child);
  Paint sleeve = graded(lighter(mother.clothes, 0.1f), lighter(mother.clothes, -0.3f));
  studio.sheet.limb({0.5f - side * 0.28f, 0.68f}, {0.5f - side * 0.02f, 0.92f}, 0.075f, 0.06f,
                    sleeve);
  studio.sheet.limb({0.5f - side * 0.02f, 0.92f}, {0.5f + side * 0.2f, 0.86f}, 0.055f, 0.04f,
                    sleeve);
  studio.sheet.ellipse({0.5f + side * 0.22f, 0.845f}, 0.045f, 0.032f, flat(mother.skin));
}

void sleeper(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  draw_backdrop(studio);
  const float side = random.sign(), y = random.uniform(0.58f, 0.68f);
  const auto at = [&](float x, float up) { return Point{0.5f + side * x, y - up}; };
  Paint couch = graded(p.accent, lighter(p.accent, -0.45f));
  couch.wobble = 0.012f;
  sheet.box({0.5f, y + 0.22f}, 0.6f, 0.2f, couch, 0.04f);
  Paint pillow = graded(p.paper, mix(p.paper, p.water, 0.4f));
  sheet.ellipse(at(-0.33f, 0.02f), 0.17f, 0.085f, pillow, side * -0.04f);
  const Colour cover = random.chance(0.5f) ? p.second : p.water;
  Paint body = graded(lighter(cover, 0.2f), lighter(cover, -0.25f));
  const Point waist[] = {at(-0.2f, 0.03f), at(-0.02f, 0.05f), at(0.14f, 0.12f), at(0.3f, 0.03f),
                         at(0.46f, -0.03f)};
  sheet.curve(waist, 0.17f, 0.09f, body);
  Paint skin = graded(lighter(p.skin, 0.1f), p.shade);
  sheet.limb(at(-0.2f, 0.06f), at(-0.04f, -0.04f), 0.04f, 0.03f, skin);
  sheet.limb(at(-0.04f, -0.04f), at(-0.2f, -0.07f), 0.03f, 0.024f, skin);
  Sitter s = any_sitter(studio);
  s.face = at(-0.31f, 0.09f);
  s.size = 0.085f;
  s.tilt = side * -0.17f;
  s.closed_eyes = true;
  s.shoulders = false;
  s.hair_style = Hair::bob;
  draw_sitter(studio, s);
  if (facts.moon) {
    sheet.box({0.5f + side * 0.26f, 0.24f}, 0.14f, 0.17f, flat(p.dark));
    sheet.box({0.5f + side * 0.26f, 0.24f}, 0.12f, 0.15f, graded(hex(0x0b1636), hex(0x3a4f86)));
    sheet.disc({0.5f + side * 0.28f, 0.2f}, 0.05f, flat(p.light));
  }
}

void reader(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  draw_backdrop(studio);
  Sitter s = any_sitter(studio);
  s.face = {random.uniform(0.44f, 0.56f), 0.32f};
  s.size = 0.13f;
  s.tilt = s.turn * 0.03f;
  s.closed_eyes = true;  // looking down
  s.hair_style = random.chance(0.5f) ? Hair::bun : Hair::bob;
  draw_sitter(studio, s);
  Paint table = graded(lighter(p.near, 0.1f), lighter(p.near, -0.2f));
  sheet.below(0.82f, 0.01f, 1, table);
  for (const float side : {-1.0f, 1.0f}) {
    Paint page = graded(p.paper, mix(p.paper, p.far, 0.4f));
    page.detail = 0.9f;
    page.wobble = 0.002f;
    sheet.polygon({{s.face.x, 0.73f},
                   {s.face.x + side * 0.2f, 0.69f},
                   {s.face.x + side * 0.22f, 0.86f},
                   {s.face.x, 0.91f}},
                  page);
    sheet.disc({s.face.x + side * 0.225f, 0.82f}, 0.04f, flat(s.skin));
    for (int i = 0; i < 3; ++i) {
      Paint text = flat(p.far);
      text.contour = Contour::none;
      const float y = 0.745f + 0.04f * static_cast<float>(i);
      sheet.line({s.face.x + side * 0.03f, y + 0.02f}, {s.face.x + side * 0.17f, y - 0.008f},
                 0.008f, text);
    }
  }
}

}  // namespace

void compose_people(Studio& studio) {
  switch (studio.facts.subject) {
    case Subject::lone_figure:
    case Subject::dancer:
    case Subject::musician:
      return lone_figure(studio);
    case Subject::date:
    case Subject::embrace:
    case Subject::wedding:
    case Subject::friends:
      return couple(studio);
    case Subject::family:
      return family(studio);
    case Subject::round_dance:
      return round_dance(studio);
    case Subject::crowd:
    case Subject::procession:
      return crowd(studio);
    case Subject::mother_and_child:
      return mother_and_child(studio);
    case Subject::sleeper:
      return sleeper(studio);
    case Subject::reader:
      return reader(studio);
    default:
      return portrait(studio);
  }
}

}  // namespace vernissage::training
