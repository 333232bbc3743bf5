// The city by the water.
#include "training/dataset/painter/subjects/parts/elements.h"
#include "training/dataset/painter/subjects/parts/figures.h"
#include "training/dataset/painter/subjects/parts/houses.h"

namespace vernissage::training {
namespace {

void bridge(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float shore = random.uniform(0.52f, 0.6f);
  draw_sky(studio, shore);
  float x = -0.02f;
  while (x < 1) {
    const float w = random.uniform(0.08f, 0.14f), h = random.uniform(0.06f, 0.17f);
    draw_house(studio, {x, shore - h, x + w, shore}, random.chance(0.5f));
    x += w;
  }
  draw_water(studio, shore, 1.02f);
  const float deck = random.uniform(0.48f, 0.58f), rise = random.uniform(0.03f, 0.1f);
  const int arches = random.between(2, 4);
  const Colour stone = mix(p.far, p.second, 0.25f);
  Paint masonry = graded(lighter(stone, 0.2f), lighter(stone, -0.3f));
  masonry.wobble = 0.004f;
  const float base = random.uniform(0.74f, 0.8f), span = 1.1f / static_cast<float>(arches);
  sheet.fill({0, deck - rise, 1, base}, masonry, [=](Point q) {
    const float top = deck - rise * (1 - 4 * square(q.x - 0.5f));
    float d = maximum(top - q.y, q.y - base);
    const float k = (q.x + 0.05f) / span;
    const float middle = (floored(k) + 0.5f) * span - 0.05f;
    const float arch =
        ellipse_distance({q.x - middle, q.y - base}, span * 0.4f, (base - deck) * 0.82f);
    return maximum(d, -arch);
  });
  Paint rail = flat(lighter(stone, 0.35f));
  rail.contour = Contour::none;
  for (int i = 0; i < 20; ++i) {
    const float a = static_cast<float>(i) / 20, b = static_cast<float>(i + 1) / 20;
    sheet.line({a, deck - rise * (1 - 4 * square(a - 0.5f))},
               {b, deck - rise * (1 - 4 * square(b - 0.5f))}, 0.016f, rail);
  }
  if (is_dark(facts))
    for (int i = 0; i < 3; ++i)
      draw_lamp(studio, {0.2f + 0.3f * static_cast<float>(i), deck - rise * 0.8f}, 0.16f);
  if (facts.boat) draw_sail_boat(studio, {random.uniform(0.25f, 0.75f), 0.9f}, 0.15f, p.paper);
}

void harbour(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float shore = random.uniform(0.42f, 0.54f);
  draw_sky(studio, shore);
  sheet.below(shore - 0.1f, 0.06f, 1.2f, flat(mix(p.far, p.high, 0.35f)));
  float x = -0.02f;
  while (x < 1) {
    const float w = random.uniform(0.07f, 0.13f), h = random.uniform(0.06f, 0.16f);
    if (random.chance(0.8f)) draw_house(studio, {x, shore - h, x + w, shore + 0.01f}, true);
    x += w;
  }
  draw_water(studio, shore, 1.02f);
  for (int i = 0; i < facts.count + 1; ++i) {
    const float depth = (static_cast<float>(i) + 0.5f) / static_cast<float>(facts.count + 1);
    draw_sail_boat(studio, {random.uniform(0.12f, 0.88f), mix(shore + 0.06f, 0.9f, depth)},
                   mix(0.14f, 0.36f, depth), random.chance(0.5f) ? p.paper : any_bright(studio));
  }
  if (random.chance(0.5f)) {
    Paint quay = graded(mix(p.near, p.far, 0.3f), lighter(p.near, -0.3f));
    sheet.polygon({{0, 0.9f}, {0.5f, 0.96f}, {0.5f, 1.05f}, {0, 1.05f}}, quay);
  }
  if (facts.birds) draw_birds(studio, 0.08f, shore - 0.18f, 5);
}

void canal(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float shore = random.uniform(0.6f, 0.68f);
  draw_sky(studio, 0.4f);
  float x = -0.04f;
  while (x < 1) {
    const float w = random.uniform(0.12f, 0.19f);
    draw_house(studio, {x, shore - random.uniform(0.3f, 0.46f), x + w, shore}, random.chance(0.6f));
    x += w;
  }
  draw_water(studio, shore, 1.02f);
  for (int i = 0; i < 6; ++i) {  // the fronts in the water
    Paint mirror = flat(wall_colour(studio));
    mirror.opacity = 0.5f;
    mirror.brush = {1, 0};
    mirror.wobble = 0.03f;
    mirror.contour = Contour::none;
    sheet.box({(static_cast<float>(i) + 0.5f) / 6, shore + 0.1f}, 0.06f, 0.1f, mirror);
  }
  const Point at{random.uniform(0.35f, 0.65f), random.uniform(0.82f, 0.9f)};
  Paint hull = flat(p.dark);
  const Point gondola[] = {at + Point{-0.24f, -0.08f}, at + Point{-0.15f, 0.01f},
                           at + Point{0.14f, 0.01f}, at + Point{0.24f, -0.07f}};
  sheet.curve(gondola, 0.03f, 0.03f, hull);
  sheet.limb(at - Point{0.14f, 0}, at + Point{0.13f, 0}, 0.024f, 0.024f, hull);
  Figure f = any_figure(studio, at + Point{0.1f, -0.01f}, 0.24f);
  f.hat = true;
  f.right_hand = {0.2f, -0.5f};
  draw_figure(studio, f);
  sheet.line(at + Point{0.17f, -0.2f}, at + Point{0.22f, 0.1f}, 0.008f, flat(p.dark));
}

void lighthouse(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float horizon = random.uniform(0.58f, 0.68f), x = random.uniform(0.3f, 0.7f);
  draw_sky(studio, horizon);
  draw_water(studio, horizon, 1.02f);
  const float foot = horizon + 0.05f, top = random.uniform(0.16f, 0.24f);
  if (is_dark(facts)) {
    Paint beam = flat(p.light);
    beam.soft = 0.03f;
    beam.opacity = 0.5f;
    beam.contour = Contour::none;
    for (const float side : {-1.0f, 1.0f})
      sheet.polygon({{x, top}, {x + side * 0.9f, top - 0.12f}, {x + side * 0.9f, top + 0.1f}},
                    beam);
  }
  Paint rock = graded(mix(p.near, p.far, 0.3f), lighter(p.dark, 0.1f));
  rock.wobble = 0.025f;
  sheet.polygon({{x - 0.3f, horizon + 0.16f},
                 {x - 0.14f, foot - 0.03f},
                 {x + 0.12f, foot - 0.05f},
                 {x + 0.28f, horizon + 0.16f}},
                rock);
  const int bands = 5;
  for (int i = 0; i < bands; ++i) {
    const float a = static_cast<float>(i) / bands, b = static_cast<float>(i + 1) / bands;
    const float ya = mix(foot, top, a), yb = mix(foot, top, b), wa = mix(0.075f, 0.045f, a),
                wb = mix(0.075f, 0.045f, b);
    const Colour colour = i % 2 == 0 ? p.paper : p.accent;
    Paint band = graded(lighter(colour, 0.1f), lighter(colour, -0.25f));
    band.across = 1;
    band.down = 0;
    band.detail = 0.7f;
    band.contour = i == 0 ? Contour::own : Contour::joined;
    sheet.polygon({{x - wa, ya}, {x + wa, ya}, {x + wb, yb}, {x - wb, yb}}, band);
  }
  sheet.box({x, top - 0.03f}, 0.036f, 0.035f, flat(mix(p.light, p.second, 0.3f)));
  sheet.polygon({{x - 0.055f, top - 0.06f}, {x + 0.055f, top - 0.06f}, {x, top - 0.12f}},
                flat(p.dark));
  if (facts.boat)
    draw_sail_boat(studio, {x < 0.5f ? 0.82f : 0.18f, horizon + 0.1f}, 0.15f, p.paper);
  if (facts.birds) draw_birds(studio, 0.08f, 0.35f, 4);
}

}  // namespace

void compose_waterside(Studio& studio) {
  switch (studio.facts.subject) {
    case Subject::bridge:
      return bridge(studio);
    case Subject::harbour:
      return harbour(studio);
    case Subject::canal:
      return canal(studio);
    default:
      return lighthouse(studio);
  }
}

}  // namespace vernissage::training
