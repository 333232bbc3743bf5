// Nature from near: trees, flowers, gardens, fields.
#include "training/dataset/painter/subjects/parts/elements.h"

namespace vernissage::training {
namespace {

void forest(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  Paint depths = graded(mix(p.leaf, p.low, 0.55f), lighter(p.leaf, -0.25f));
  depths.brush = {0.1f, 1};
  depths.grain = 0.25f;
  sheet.everything(depths);
  if (facts.sun || random.chance(0.4f)) {
    Paint clearing = flat(p.light);
    clearing.soft = 0.14f;
    clearing.opacity = 0.75f;
    clearing.contour = Contour::none;
    sheet.ellipse({random.uniform(0.3f, 0.7f), 0.45f}, 0.14f, 0.24f, clearing);
  }
  Paint floor = graded(mix(p.near, p.second, 0.3f), lighter(p.near, -0.35f));
  floor.grain = 0.25f;
  sheet.below(0.72f, 0.05f, 1.5f, floor);
  const bool birch = facts.count >= 4;
  for (int layer = 0; layer < 3; ++layer) {
    const float depth = static_cast<float>(layer) / 2;
    const int trunks = 7 - 2 * layer;
    for (int i = 0; i < trunks; ++i) {
      const float x =
          (static_cast<float>(i) + random.uniform(0.1f, 0.9f)) / static_cast<float>(trunks);
      const Colour bark = birch ? mix(p.paper, p.far, 0.35f * (1 - depth))
                                : mix(mix(p.leaf, p.low, 0.4f), p.dark, depth);
      Paint trunk = graded(lighter(bark, 0.15f), lighter(bark, -0.25f));
      trunk.across = 1;
      trunk.down = 0;
      trunk.wobble = 0.012f;
      trunk.detail = 0.5f;
      const float foot = mix(0.72f, 0.98f, depth) + random.uniform(-0.02f, 0.02f),
                  half = mix(0.008f, 0.036f, depth) * random.uniform(0.7f, 1.3f);
      sheet.limb({x, foot}, {x + random.uniform(-0.04f, 0.04f), -0.1f}, half, half * 0.7f, trunk);
      if (birch)
        for (int k = 0; k < 5; ++k) {
          Paint mark = flat(p.dark);
          mark.contour = Contour::none;
          const float y = random.uniform(0.05f, foot);
          sheet.line({x - half * 0.7f, y}, {x + half * 0.3f, y}, half * 0.5f, mark);
        }
    }
  }
  for (int i = 0; i < 9; ++i) {
    Paint leaves = graded(lighter(p.leaf, 0.2f), lighter(i % 2 == 0 ? p.leaf : p.second, -0.15f));
    leaves.around = true;
    leaves.wobble = 0.05f;
    leaves.grain = 0.3f;
    leaves.contour = i == 0 ? Contour::own : Contour::joined;
    leaves.opacity = 0.85f;
    sheet.disc({random.uniform(0, 1), random.uniform(-0.05f, 0.22f)}, random.uniform(0.06f, 0.14f),
               leaves);
  }
}

void lone_tree(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float ground = random.uniform(0.66f, 0.8f);
  draw_sky(studio, ground);
  Paint land = graded(lighter(p.near, 0.12f), lighter(p.near, -0.2f));
  land.grain = 0.2f;
  land.detail = 0.2f;
  sheet.below(ground, 0.06f, 0.7f, land);
  const bool bare = facts.light == Light::winter ||
                    (facts.light == Light::grey && random.chance(0.6f)) || random.chance(0.1f);
  const bool blossom = facts.light == Light::spring || facts.light == Light::rose;
  draw_tree(studio, {random.uniform(0.34f, 0.66f), ground + random.uniform(0.04f, 0.1f)},
            random.uniform(0.58f, 0.72f), blossom ? mix(p.accent, p.paper, 0.4f) : p.leaf, bare);
  if (facts.flowers) draw_flowers(studio, ground + 0.08f, 1, 40);
  if (facts.birds) draw_birds(studio, 0.06f, 0.3f, 4);
}

void meadow(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float horizon = random.uniform(0.24f, 0.42f);
  draw_sky(studio, horizon);
  sheet.below(horizon, 0.06f, 1.2f, graded(mix(p.far, p.leaf, 0.5f), p.leaf));
  Paint grass = graded(lighter(p.leaf, 0.15f), lighter(p.leaf, -0.2f));
  grass.brush = {0.25f, 1};
  grass.grain = 0.25f;
  sheet.below(horizon + 0.1f, 0.05f, 1.0f, grass);
  draw_flowers(studio, horizon + 0.12f, 0.85f, 70);
  for (int i = 0; i < 9; ++i) {
    const Point at{random.uniform(0.02f, 0.98f), random.uniform(0.66f, 0.92f)};
    sheet.line(at, {at.x + random.uniform(-0.03f, 0.03f), 1.05f}, 0.008f,
               flat(lighter(p.leaf, -0.3f)));
    draw_flower(studio, at, random.uniform(0.035f, 0.065f),
                random.chance(0.5f) ? p.accent : any_bright(studio), p.light);
  }
  if (facts.birds) draw_birds(studio, 0.05f, horizon - 0.04f, 4);
}

void bouquet(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  draw_backdrop(studio);
  Paint table = graded(lighter(p.near, 0.2f), lighter(p.near, -0.1f));
  sheet.below(random.uniform(0.74f, 0.82f), 0.01f, 1, table);
  const float x = random.uniform(0.44f, 0.56f), top = 0.58f, foot = random.uniform(0.88f, 0.93f);
  const bool sun = facts.subject == Subject::sunflower;
  const int count = facts.count;
  for (int i = 0; i < 8; ++i) {  // leaves
    const float turns = random.uniform(0.55f, 0.95f);
    const Point way{cosine(turns), sine(turns)};
    Paint leaf = flat(lighter(p.leaf, random.uniform(-0.3f, 0.2f)));
    leaf.brush = way;
    leaf.contour = i == 0 ? Contour::own : Contour::joined;
    sheet.ellipse(Point{x, top - 0.08f} + way * random.uniform(0.1f, 0.26f), 0.1f, 0.032f, leaf,
                  turns);
  }
  Paint clay = graded(lighter(p.water, 0.3f), lighter(p.water, -0.35f));
  clay.across = 1;
  clay.down = 0.2f;
  clay.detail = 0.6f;
  const float wide = random.uniform(0.07f, 0.13f);
  sheet.ellipse({x, (top + foot) / 2 + 0.03f}, wide, (foot - top) / 2, clay);
  clay.contour = Contour::joined;
  sheet.box({x, top + 0.03f}, wide * 0.6f, 0.06f, clay, 0.01f);
  for (int i = 0; i < count; ++i) {
    const float turns = 0.5f + 0.5f * (static_cast<float>(i) + random.uniform(0.2f, 0.8f)) /
                                   static_cast<float>(count);
    const float out = random.uniform(0.08f, 0.34f);
    const Point at{x + cosine(turns) * out, top - 0.1f + sine(turns) * out};
    sheet.line({x, top}, at, 0.012f, flat(lighter(p.leaf, -0.2f)));
    const float radius = random.uniform(0.06f, 0.1f) * (sun ? 1.3f : 1.0f);
    draw_flower(studio, at, radius, sun ? p.second : any_bright(studio),
                sun ? mix(p.dark, p.near, 0.3f) : p.light);
  }
}

void sunflower(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  if (facts.count > 2) return bouquet(studio);
  draw_backdrop(studio);
  const Point at{random.uniform(0.42f, 0.58f), random.uniform(0.36f, 0.46f)};
  const float r = random.uniform(0.24f, 0.32f);
  Paint stalk = flat(lighter(p.leaf, -0.15f));
  sheet.limb(at, {at.x + random.uniform(-0.08f, 0.08f), 1.1f}, 0.02f, 0.03f, stalk);
  for (const float side : {-1.0f, 1.0f})
    sheet.ellipse({at.x + side * 0.17f, 0.86f}, 0.17f, 0.06f,
                  graded(lighter(p.leaf, 0.15f), p.leaf), side * -0.08f);
  for (int layer = 0; layer < 2; ++layer)
    for (int i = 0; i < 16; ++i) {
      const float turns = (static_cast<float>(i) + 0.5f * static_cast<float>(layer)) / 16 +
                          random.uniform(-0.01f, 0.01f);
      const Point way{cosine(turns), sine(turns)};
      Paint petal = flat(
          mix(p.second, p.accent, random.uniform(0, 0.3f) + 0.12f * static_cast<float>(1 - layer)));
      petal.brush = way;
      petal.contour = i == 0 ? Contour::own : Contour::joined;
      sheet.ellipse(at + way * (r * (0.86f - 0.16f * static_cast<float>(layer))), r * 0.36f,
                    r * 0.13f, petal, turns);
    }
  Paint heart = graded(mix(p.near, p.dark, 0.5f), p.dark);
  heart.around = true;
  heart.grain = 0.3f;
  sheet.disc(at, r * 0.5f, heart);
}

void garden(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  draw_sky(studio, 0.3f);
  for (int i = 0; i < 5; ++i)
    draw_tree(studio, {random.uniform(0, 1), random.uniform(0.4f, 0.5f)},
              random.uniform(0.28f, 0.42f), lighter(p.leaf, random.uniform(-0.2f, 0.2f)), false);
  Paint lawn = graded(lighter(p.leaf, 0.2f), p.leaf);
  sheet.below(0.46f, 0.03f, 1, lawn);
  if (random.chance(0.5f)) {  // a pond with lilies
    Paint pond = graded(mix(p.water, p.low, 0.4f), p.water);
    sheet.ellipse({0.5f, 0.75f}, 0.42f, 0.18f, pond);
    for (int i = 0; i < 12; ++i) {
      const Point at{random.uniform(0.18f, 0.82f), random.uniform(0.64f, 0.86f)};
      Paint pad = flat(lighter(p.leaf, random.uniform(-0.1f, 0.25f)));
      pad.contour = i == 0 ? Contour::own : Contour::joined;
      sheet.ellipse(at, 0.045f, 0.018f, pad);
      if (random.chance(0.6f))
        draw_flower(studio, at - Point{0, 0.01f}, 0.024f, lighter(p.accent, 0.4f), p.light);
    }
  } else {  // a path
    Paint path = flat(mix(p.low, p.second, 0.4f));
    sheet.polygon({{0.47f, 0.48f}, {0.53f, 0.48f}, {0.8f, 1.05f}, {0.2f, 1.05f}}, path);
  }
  draw_flowers(studio, 0.5f, 1.0f, 50);
}

void wheat(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float horizon = random.uniform(0.36f, 0.5f);
  draw_sky(studio, horizon);
  if (random.chance(0.5f))
    sheet.below(horizon - 0.03f, 0.05f, 1.2f, flat(mix(p.far, p.leaf, 0.5f)));
  const Colour gold = mix(p.second, hex(0xe0ac3c), 0.6f);
  Paint field = graded(lighter(gold, 0.2f), lighter(gold, -0.25f));
  field.brush = {0.2f, 1};
  field.grain = 0.22f;
  field.detail = 0.4f;
  sheet.below(horizon + 0.03f, 0.04f, 0.9f, field);
  if (random.chance(0.6f)) {  // a path through it
    const float bend = random.uniform(-0.2f, 0.2f);
    const Point course[] = {
        {0.5f + bend, horizon + 0.06f}, {0.5f - bend * 0.3f, 0.68f}, {0.5f + bend, 1.1f}};
    sheet.curve(course, 0.02f, 0.22f, flat(mix(p.near, p.leaf, 0.4f)));
  }
  for (int i = 0; i < 40; ++i) {  // ears
    const float depth = (static_cast<float>(i) + random.uniform()) / 40;
    const Point top{random.uniform(0, 1), mix(horizon + 0.1f, 0.95f, depth)};
    Paint ear = flat(lighter(gold, random.uniform(-0.35f, 0.3f)));
    ear.contour = Contour::none;
    ear.detail = 0.8f;
    sheet.limb(top, top + Point{random.uniform(-0.02f, 0.02f), 0.04f + 0.09f * depth},
               0.003f + 0.007f * depth, 0.002f, ear);
  }
  for (int i = 1; i < facts.count; ++i)
    draw_tree(studio, {random.uniform(0.05f, 0.95f), horizon + random.uniform(0.04f, 0.1f)},
              random.uniform(0.14f, 0.24f), p.leaf, false);
  if (facts.birds) draw_birds(studio, 0.08f, horizon, 7);
}

}  // namespace

void compose_plants(Studio& studio) {
  switch (studio.facts.subject) {
    case Subject::forest:
      return forest(studio);
    case Subject::lone_tree:
      return lone_tree(studio);
    case Subject::meadow:
      return meadow(studio);
    case Subject::bouquet:
      return bouquet(studio);
    case Subject::sunflower:
      return sunflower(studio);
    case Subject::garden:
      return garden(studio);
    default:
      return wheat(studio);
  }
}

}  // namespace vernissage::training
