// Nature: land, water and the sky.
#include "training/dataset/painter/subjects/parts/elements.h"

namespace vernissage::training {
namespace {

void hills(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  float y = random.uniform(0.38f, 0.55f);
  draw_sky(studio, y);
  const int ridges = random.between(3, 5);
  for (int i = 0; i < ridges; ++i) {
    const float depth = static_cast<float>(i) / static_cast<float>(ridges - 1);
    const Colour land = mix(mix(p.far, p.low, 0.35f), i % 2 == 0 ? p.near : p.leaf, depth);
    Paint ridge = graded(lighter(land, 0.15f), lighter(land, -0.12f));
    ridge.brush = {1, random.uniform(-0.6f, 0.6f)};
    ridge.detail = 0.2f + 0.2f * depth;
    ridge.grain = 0.16f;
    sheet.below(y, mix(0.06f, 0.12f, depth), random.uniform(0.8f, 1.6f), ridge);
    y += random.uniform(0.09f, 0.16f);
  }
  if (random.chance(0.4f)) {  // a field's furrows
    for (int i = 0; i < 7; ++i) {
      Paint furrow = flat(mix(p.near, p.second, 0.5f));
      furrow.contour = Contour::none;
      furrow.opacity = 0.7f;
      const float x = static_cast<float>(i) / 6;
      sheet.limb({0.5f + (x - 0.5f) * 0.5f, 0.74f}, {0.5f + (x - 0.5f) * 2.2f, 1.05f}, 0.004f,
                 0.022f, furrow);
    }
  }
  if (random.chance(0.5f)) {  // a house
    const Point at{random.uniform(0.2f, 0.8f), random.uniform(0.6f, 0.7f)};
    const float s = random.uniform(0.04f, 0.07f);
    sheet.box(at, s, s * 0.65f, flat(lighter(p.low, 0.25f)));
    sheet.polygon({at + Point{-s * 1.2f, -s * 0.6f}, at + Point{s * 1.2f, -s * 0.6f},
                   at + Point{0, -s * 1.5f}},
                  flat(p.accent));
  }
  for (int i = 0; i < facts.count; ++i)
    draw_tree(studio, {random.uniform(0.05f, 0.95f), random.uniform(0.68f, 0.92f)},
              random.uniform(0.14f, 0.3f), p.leaf, false);
  if (facts.flowers) draw_flowers(studio, 0.78f, 1, 50);
  if (facts.birds) draw_birds(studio, 0.08f, 0.35f, 5);
}

void mountains(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  draw_sky(studio, 0.6f);
  const int peaks = random.between(3, 5);
  for (int i = 0; i < peaks; ++i) {
    const float depth = static_cast<float>(i) / static_cast<float>(peaks);
    const Point top{random.uniform(0.1f, 0.9f), random.uniform(0.16f, 0.34f) + 0.18f * depth};
    const float half = random.uniform(0.28f, 0.5f), foot = 0.8f;
    const Colour stone = mix(mix(p.far, p.high, 0.3f), mix(p.near, p.dark, 0.35f), depth);
    Paint lit = graded(lighter(stone, 0.25f), stone);
    lit.brush = {-0.6f, 1};
    lit.wobble = 0.025f;
    sheet.polygon({top, {top.x + half, foot}, {top.x - half, foot}}, lit);
    Paint shaded = graded(lighter(stone, -0.3f), lighter(stone, -0.1f));
    shaded.brush = {0.6f, 1};
    shaded.wobble = 0.02f;
    shaded.contour = Contour::joined;
    sheet.polygon({top,
                   {top.x + half, foot},
                   {top.x + half * random.uniform(0.0f, 0.3f), foot},
                   {top.x + 0.03f, mix(top.y, foot, 0.4f)}},
                  shaded);
    if (depth < 0.7f) {
      Paint snow = graded(p.paper, mix(p.paper, p.high, 0.3f));
      snow.contour = Contour::joined;
      snow.wobble = 0.02f;
      const float h = 0.22f * (foot - top.y), w = 0.22f * half;
      sheet.polygon(
          {top, top + Point{w, h}, top + Point{w * 0.3f, h * 0.7f},
           top + Point{-w * 0.1f, h * 1.15f}, top + Point{-w * 0.5f, h * 0.7f}, top + Point{-w, h}},
          snow);
    }
  }
  if (random.chance(0.5f))
    draw_water(studio, 0.72f, 1);
  else
    sheet.below(0.76f, 0.07f, 1.2f, graded(p.leaf, p.near));
  for (int i = 0; i < facts.count; ++i)
    draw_conifer(studio, {random.uniform(0.02f, 0.98f), random.uniform(0.86f, 1.0f)},
                 random.uniform(0.14f, 0.28f), p.leaf);
  if (facts.birds) draw_birds(studio, 0.08f, 0.3f, 4);
}

void calm_sea(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float horizon = random.uniform(0.4f, 0.62f);
  draw_sky(studio, horizon);
  if (random.chance(0.4f)) sheet.below(horizon - 0.03f, 0.04f, 1.2f, flat(mix(p.far, p.low, 0.3f)));
  draw_water(studio, horizon, 1.02f);
  if (facts.boat)
    for (int i = 0; i < facts.count; ++i)
      draw_sail_boat(studio,
                     {random.uniform(0.15f, 0.85f), mix(horizon + 0.03f, 0.85f, random.uniform())},
                     random.uniform(0.1f, 0.24f), random.chance(0.5f) ? p.paper : p.accent);
  if (random.chance(0.35f)) {
    Paint sand = graded(mix(p.second, p.paper, 0.5f), mix(p.second, p.near, 0.4f));
    sheet.below(random.uniform(0.82f, 0.9f), 0.08f, 0.7f, sand);
  }
  if (facts.birds) draw_birds(studio, 0.1f, horizon - 0.05f, 5);
}

void stormy_sea(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  draw_sky(studio, 0.55f);
  for (int i = 0; i < 6; ++i) {  // heavy clouds
    Paint cloud = graded(lighter(p.high, -0.15f), lighter(p.high, -0.45f));
    cloud.soft = 0.03f;
    cloud.wobble = 0.05f;
    cloud.opacity = 0.75f;
    cloud.contour = Contour::none;
    cloud.brush = {1, random.uniform(-0.8f, 0.2f)};
    sheet.ellipse({random.uniform(0, 1), random.uniform(0.02f, 0.3f)}, random.uniform(0.15f, 0.35f),
                  random.uniform(0.06f, 0.12f), cloud);
  }
  if (random.chance(0.4f)) {  // lightning
    Point at{random.uniform(0.2f, 0.8f), 0.05f};
    Paint bolt = flat(lighter(p.light, 0.5f));
    bolt.detail = 1;
    for (int i = 0; i < 5; ++i) {
      const Point next = at + Point{random.uniform(-0.09f, 0.09f), 0.09f};
      sheet.limb(at, next, 0.008f, 0.005f, bolt);
      bolt.contour = Contour::joined;
      at = next;
    }
  }
  const int rows = random.between(4, 6);
  for (int i = 0; i < rows; ++i) {
    const float depth = static_cast<float>(i) / static_cast<float>(rows - 1);
    const float y = mix(0.5f, 0.92f, depth), swing = mix(0.07f, 0.17f, depth),
                pace = mix(2.2f, 1.1f, depth);
    const Colour sea = mix(mix(p.water, p.high, 0.4f), lighter(p.water, -0.35f), depth);
    if (facts.boat && i == rows / 2)
      draw_sail_boat(studio, {random.uniform(0.3f, 0.7f), y - 0.02f}, 0.22f, p.paper);
    Paint wave = graded(lighter(sea, 0.35f), lighter(sea, -0.2f));
    wave.brush = {1, random.uniform(-0.7f, 0.7f)};
    wave.grain = 0.25f;
    wave.detail = 0.4f;
    sheet.below(y, swing, pace, wave);
    const int crests = 4;
    for (int k = 0; k < crests; ++k) {  // foam
      Paint foam = flat(lighter(p.paper, 0.1f));
      foam.opacity = 0.8f;
      foam.wobble = 0.03f;
      foam.contour = Contour::none;
      const Point at{random.uniform(0, 1), y + random.uniform(-0.05f, 0.08f)};
      const float half = random.uniform(0.03f, 0.1f) * (0.5f + depth);
      const Point arc[] = {at - Point{half, -half * 0.3f}, at - Point{0, half * 0.3f},
                           at + Point{half, half * 0.4f}};
      sheet.curve(arc, 0.012f, 0.028f * (0.5f + depth), foam);
    }
  }
}

void lake(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float shore = random.uniform(0.46f, 0.58f);
  draw_sky(studio, shore);
  sheet.below(shore - 0.1f, 0.08f, 1.3f, flat(mix(p.far, p.high, 0.25f)));
  sheet.below(shore - 0.04f, 0.05f, 2.5f, flat(mix(p.far, p.dark, 0.4f)));
  draw_water(studio, shore, 1.02f);
  for (int i = 0; i < 6; ++i) {  // reeds
    const float x = random.chance(0.5f) ? random.uniform(0, 0.22f) : random.uniform(0.78f, 1.0f);
    Paint reed = flat(mix(p.leaf, p.dark, 0.5f));
    reed.contour = i == 0 ? Contour::own : Contour::joined;
    sheet.limb({x, 1.02f}, {x + random.uniform(-0.04f, 0.04f), random.uniform(0.66f, 0.84f)},
               0.007f, 0.003f, reed);
  }
  if (facts.boat)
    draw_sail_boat(studio, {random.uniform(0.25f, 0.75f), random.uniform(0.66f, 0.8f)}, 0.16f,
                   p.paper);
}

void desert(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  draw_sky(studio, 0.5f);
  float y = random.uniform(0.44f, 0.56f);
  for (int i = 0; i < 4; ++i) {
    const Colour sand = mix(mix(p.far, p.low, 0.4f), p.near, static_cast<float>(i) / 3);
    Paint dune = graded(lighter(sand, 0.22f), lighter(sand, -0.2f));
    dune.across = random.uniform(-0.7f, 0.7f);
    dune.brush = {1, random.uniform(-0.5f, 0.5f)};
    sheet.below(y, 0.12f, random.uniform(0.5f, 0.9f), dune);
    y += random.uniform(0.1f, 0.16f);
  }
  for (int i = 0; i < facts.count; ++i) {  // cacti
    const Point foot{random.uniform(0.1f, 0.9f), random.uniform(0.7f, 0.9f)};
    const float h = random.uniform(0.12f, 0.24f);
    Paint green = graded(lighter(p.leaf, 0.15f), lighter(p.leaf, -0.25f));
    green.across = 1;
    green.detail = 0.8f;
    sheet.limb(foot, foot - Point{0, h}, h * 0.1f, h * 0.09f, green);
    for (const float side : {-1.0f, 1.0f}) {
      const Point elbow = foot + Point{side * h * 0.28f, -h * random.uniform(0.35f, 0.6f)};
      green.contour = Contour::joined;
      sheet.limb({foot.x, elbow.y}, elbow, h * 0.065f, h * 0.065f, green);
      sheet.limb(elbow, elbow - Point{0, h * 0.3f}, h * 0.065f, h * 0.06f, green);
    }
  }
}

void river(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float horizon = random.uniform(0.34f, 0.46f);
  draw_sky(studio, horizon);
  sheet.below(horizon - 0.04f, 0.06f, 1.2f, flat(mix(p.far, p.high, 0.3f)));
  Paint land = graded(mix(p.leaf, p.far, 0.4f), p.near);
  land.grain = 0.22f;
  sheet.below(horizon + 0.03f, 0.02f, 1, land);
  const float bend = random.sign() * random.uniform(0.16f, 0.3f);
  const Point course[] = {{0.5f, horizon + 0.05f},
                          {0.5f + bend * 0.5f, horizon + 0.12f},
                          {0.5f - bend * 0.6f, 0.68f},
                          {0.5f + bend * 0.6f, 1.15f}};
  Paint water = flat(mix(p.water, p.low, 0.3f));
  water.grain = 0.2f;
  sheet.curve(course, 0.015f, 0.42f, water);
  for (int i = 0; i < facts.count + 2; ++i) {
    const float x =
        random.chance(0.5f) ? random.uniform(0.02f, 0.28f) : random.uniform(0.72f, 0.98f);
    draw_tree(studio, {x, random.uniform(0.56f, 0.9f)}, random.uniform(0.16f, 0.34f),
              random.chance(0.7f) ? p.leaf : p.second, false);
  }
}

void island(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float horizon = random.uniform(0.5f, 0.6f), x = random.uniform(0.35f, 0.65f);
  draw_sky(studio, horizon);
  draw_water(studio, horizon, 1.02f);
  Paint rock = graded(mix(p.far, p.low, 0.2f), lighter(p.near, -0.2f));
  rock.wobble = 0.03f;
  rock.brush = {0.4f, 1};
  sheet.polygon({{x - 0.3f, horizon + 0.1f},
                 {x - 0.18f, horizon - 0.1f},
                 {x - 0.05f, horizon - 0.22f},
                 {x + 0.1f, horizon - 0.14f},
                 {x + 0.3f, horizon + 0.1f}},
                rock);
  Paint mirror = flat(mix(p.water, p.dark, 0.4f));
  mirror.opacity = 0.5f;
  mirror.soft = 0.03f;
  mirror.contour = Contour::none;
  sheet.ellipse({x, horizon + 0.17f}, 0.24f, 0.06f, mirror);
  for (int i = 0; i < facts.count; ++i)
    draw_conifer(studio,
                 {x + random.uniform(-0.16f, 0.16f), horizon + random.uniform(-0.04f, 0.06f)},
                 random.uniform(0.16f, 0.3f), p.leaf);
  if (facts.birds) draw_birds(studio, 0.08f, 0.35f, 4);
}

void birds(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  draw_sky(studio, 0.95f);
  if (random.chance(0.6f))
    sheet.below(random.uniform(0.78f, 0.9f), 0.08f, 1.2f, graded(p.far, p.near));
  draw_birds(studio, 0.12f, 0.7f, 6 + facts.count * 2);
  const Point at{random.uniform(0.35f, 0.65f), random.uniform(0.35f, 0.55f)};
  Paint white = flat(luma(p.high) > 0.6f ? p.dark : p.paper);
  white.detail = 0.9f;
  const float w = random.uniform(0.14f, 0.24f);
  for (const float side : {-1.0f, 1.0f}) {
    const Point wing[] = {at, at + Point{side * w * 0.55f, -w * 0.5f},
                          at + Point{side * w * 1.15f, -w * 0.2f}};
    sheet.curve(wing, w * 0.3f, w * 0.03f, white);
    white.contour = Contour::joined;
  }
  sheet.limb(at - Point{w * 0.3f, -0.01f}, at + Point{w * 0.35f, -0.02f}, w * 0.05f, w * 0.1f,
             white);
}

void starry_sky(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  Paint sky = graded(lighter(p.high, -0.2f), mix(p.high, p.water, 0.6f));
  sky.grain = 0.25f;
  sky.brush = {1, 0.3f};
  sheet.everything(sky);
  const int swirls = random.between(2, 4);
  for (int i = 0; i < swirls; ++i) {
    const Point at{random.uniform(0.1f, 0.9f), random.uniform(0.12f, 0.5f)};
    const float r = random.uniform(0.08f, 0.17f);
    for (int k = 3; k > 0; --k) {
      Paint ring = flat(mix(p.water, p.light, 0.25f + 0.2f * static_cast<float>(3 - k)));
      ring.opacity = 0.75f;
      ring.contour = Contour::none;
      sheet.ring(at, r * static_cast<float>(k) / 3, r * 0.17f, ring);
    }
    Paint core = flat(p.light);
    core.around = true;
    sheet.disc(at, r * 0.2f, core);
  }
  draw_stars(studio, 0.62f, 40);
  if (facts.moon) {
    const Point at = light_place(facts);
    sheet.disc(at, 0.075f, flat(p.light));
  }
  sheet.below(random.uniform(0.7f, 0.8f), 0.09f, 1.1f, graded(mix(p.far, p.dark, 0.3f), p.dark));
  if (random.chance(0.5f))
    draw_conifer(studio, {random.chance(0.5f) ? 0.14f : 0.85f, 1.02f}, random.uniform(0.5f, 0.75f),
                 mix(p.leaf, p.dark, 0.5f));
  for (int i = 0; i < 7; ++i) {  // a village's windows
    Paint window = flat(p.second);
    window.detail = 1;
    window.contour = Contour::none;
    sheet.box({random.uniform(0.2f, 0.8f), random.uniform(0.84f, 0.94f)}, 0.009f, 0.011f, window);
  }
}

}  // namespace

void compose_nature(Studio& studio) {
  switch (studio.facts.subject) {
    case Subject::forest:
    case Subject::lone_tree:
    case Subject::meadow:
    case Subject::bouquet:
    case Subject::sunflower:
    case Subject::garden:
    case Subject::wheat:
      return compose_plants(studio);
    case Subject::mountains:
      return mountains(studio);
    case Subject::calm_sea:
      return calm_sea(studio);
    case Subject::stormy_sea:
      return stormy_sea(studio);
    case Subject::moonlit_lake:
      return lake(studio);
    case Subject::desert:
      return desert(studio);
    case Subject::river:
      return river(studio);
    case Subject::island:
      return island(studio);
    case Subject::birds:
      return birds(studio);
    case Subject::starry_sky:
      return starry_sky(studio);
    default:
      return hills(studio);
  }
}

}  // namespace vernissage::training
