// The city: houses, streets, squares, lights in windows.
#include "training/dataset/painter/subjects/parts/elements.h"
#include "training/dataset/painter/subjects/parts/figures.h"
#include "training/dataset/painter/subjects/parts/houses.h"

namespace vernissage::training {
namespace {

void skyline(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float base = random.uniform(0.74f, 0.9f);
  draw_sky(studio, base);
  if (is_dark(facts)) draw_stars(studio, 0.4f, 18);
  for (int layer = 0; layer < 3; ++layer) {
    const float depth = static_cast<float>(layer) / 2;
    float x = -0.03f;
    while (x < 1) {
      const float w = random.uniform(0.06f, 0.15f),
                  h = random.uniform(0.14f, 0.48f) * (1.15f - 0.35f * depth);
      const Colour colour = mix(mix(p.far, p.low, 0.45f), mix(p.near, p.dark, 0.45f), depth);
      Paint tower = graded(lighter(colour, random.uniform(0.0f, 0.2f)), lighter(colour, -0.15f));
      tower.brush = {0, 1};
      tower.wobble = 0.002f;
      const float top = base - h + 0.06f * depth;
      sheet.box({x + w / 2, (top + 1.1f) / 2}, w / 2, (1.1f - top) / 2, tower);
      if (random.chance(0.2f))
        sheet.limb({x + w / 2, top}, {x + w / 2, top - 0.09f}, 0.006f, 0.002f, tower);
      if (layer > 0)
        draw_windows(studio, {x + w * 0.1f, top + 0.02f, x + w * 0.9f, base}, 3,
                     static_cast<int>(h / 0.045f));
      x += w * random.uniform(0.85f, 1.25f);
    }
  }
  if (random.chance(0.5f))
    draw_water(studio, base, 1.02f);
  else
    sheet.below(base + 0.04f, 0.02f, 1, flat(mix(p.dark, p.near, 0.3f)));
}

void street(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const bool rain = facts.subject == Subject::rainy_street;
  const Point vanish{random.uniform(0.38f, 0.62f), random.uniform(0.46f, 0.58f)};
  draw_sky(studio, vanish.y + 0.05f);
  Paint road = graded(mix(p.near, p.low, 0.35f), mix(p.near, p.dark, 0.3f));
  road.brush = {1, 0.05f};
  road.grain = rain ? 0.3f : 0.15f;
  sheet.below(vanish.y, 0.001f, 1, road);
  Paint lane = flat(mix(p.low, p.far, 0.3f));
  lane.grain = 0.2f;
  sheet.polygon(
      {{vanish.x - 0.02f, vanish.y}, {vanish.x + 0.02f, vanish.y}, {0.82f, 1.05f}, {0.18f, 1.05f}},
      lane);
  // Fronts on both sides, each a trapezoid that leans into the vanishing point.
  const int houses = 4;
  for (const float side : {-1.0f, 1.0f}) {
    const float eave = random.uniform(-0.35f, 0.02f);
    for (int i = houses - 1; i >= 0; --i) {
      const auto place = [&](float k) {
        const float t =
            1 -
            0.82f * k / static_cast<float>(houses);  // 1 at the picture's edge, towards 0 far away
        return vanish.x + side * t * (side < 0 ? vanish.x + 0.1f : 1.1f - vanish.x);
      };
      const float xa = place(static_cast<float>(i)), xb = place(static_cast<float>(i + 1));
      const auto scale = [&](float x) {
        return magnitude(x - vanish.x) / (side < 0 ? vanish.x + 0.1f : 1.1f - vanish.x);
      };
      const float roof = eave + random.uniform(-0.08f, 0.08f);
      const auto high = [&](float x) {
        return vanish.y + (roof - vanish.y) * (0.25f + 0.75f * scale(x));
      };
      const auto low = [&](float x) { return vanish.y + (0.92f - vanish.y) * scale(x); };
      const Colour colour = wall_colour(studio);
      Paint wall = graded(lighter(colour, side < 0 ? 0.14f : -0.06f),
                          lighter(colour, side < 0 ? -0.1f : -0.3f));
      wall.brush = {0, 1};
      wall.wobble = 0.004f;
      sheet.polygon({{xa, high(xa)}, {xb, high(xb)}, {xb, low(xb)}, {xa, low(xa)}}, wall);
      for (int a = 0; a < 2; ++a)
        for (int b = 0; b < 4; ++b) {
          const float x = mix(xa, xb, 0.28f + 0.44f * static_cast<float>(a));
          const float y = mix(high(x), low(x), 0.14f + 0.22f * static_cast<float>(b));
          Paint pane =
              flat(random.chance(is_dark(facts) ? 0.6f : 0.15f) ? mix(p.second, p.light, 0.4f)
                                                                : mix(p.dark, p.water, 0.3f));
          pane.contour = Contour::none;
          pane.detail = 1;
          sheet.box({x, y}, magnitude(xb - xa) * 0.1f, (low(x) - high(x)) * 0.065f, pane);
        }
    }
  }
  const int walkers = facts.count;
  for (int i = 0; i < walkers; ++i) {
    const float t = random.uniform(0.25f, 0.85f);
    Figure f = any_figure(
        studio, {vanish.x + random.uniform(-0.3f, 0.3f) * t, mix(vanish.y + 0.05f, 0.97f, t)},
        0.42f * t);
    f.hat = random.chance(0.3f);
    draw_figure(studio, f);
    if (rain) {
      const Point top = f.feet - Point{0, f.height * 1.12f};
      const float r = f.height * 0.3f;
      Paint cloth = graded(lighter(any_bright(studio), 0.1f), p.dark);
      sheet.fill({top.x - r, top.y - r, top.x + r, top.y + r}, cloth, [=](Point q) {
        return maximum(length(q - top - Point{0, r * 0.5f}) - r, q.y - top.y - r * 0.25f);
      });
    }
  }
  draw_lamp(studio, {random.chance(0.5f) ? 0.24f : 0.76f, 0.9f}, random.uniform(0.38f, 0.52f));
  if (!rain) return;
  for (int i = 0; i < 40; ++i) {
    Paint drop = flat(lighter(p.low, 0.3f));
    drop.opacity = 0.55f;
    drop.contour = Contour::none;
    drop.detail = 1;
    const Point at{random.uniform(0, 1.1f), random.uniform(0, 1)};
    sheet.limb(at, at + Point{-0.02f, 0.07f}, 0.002f, 0.004f, drop);
  }
}

void window(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  Paint wall = graded(mix(p.near, p.far, 0.4f), lighter(p.near, -0.25f));
  wall.grain = 0.2f;
  wall.detail = 0.15f;
  sheet.everything(wall);
  const Point at{random.uniform(0.44f, 0.56f), random.uniform(0.4f, 0.46f)};
  const float hx = random.uniform(0.22f, 0.3f), hy = random.uniform(0.27f, 0.33f);
  Paint frame = flat(lighter(p.paper, -0.05f));
  frame.wobble = 0.003f;
  sheet.box(at, hx + 0.03f, hy + 0.03f, frame);
  Paint view = graded(p.high, p.low);
  sheet.box(at, hx, hy, view);
  if (facts.sun || facts.moon)
    sheet.disc(at + Point{hx * 0.35f, -hy * 0.45f}, 0.05f, flat(p.light));
  if (random.chance(0.5f)) {
    Paint sea = flat(p.water);
    sheet.box(at + Point{0, hy * 0.6f}, hx, hy * 0.4f, sea);
    if (facts.boat) draw_sail_boat(studio, at + Point{-hx * 0.2f, hy * 0.4f}, 0.12f, p.paper);
  } else {
    for (int i = 0; i < 4; ++i) {
      const float w = hx * 0.5f, x = at.x - hx + w * (static_cast<float>(i) + 0.5f);
      const float top = at.y + hy * random.uniform(0.0f, 0.5f);
      Paint house = flat(mix(wall_colour(studio), p.low, 0.2f));
      sheet.box({x, (top + at.y + hy) / 2}, w / 2, (at.y + hy - top) / 2, house);
    }
  }
  sheet.box(at, 0.011f, hy, frame);
  frame.contour = Contour::joined;
  sheet.box(at - Point{0, hy * 0.2f}, hx, 0.011f, frame);
  if (random.chance(0.7f))
    for (const float side : {-1.0f, 1.0f}) {
      Paint curtain = graded(lighter(p.accent, 0.15f), lighter(p.accent, -0.25f));
      curtain.brush = {side * 0.2f, 1};
      curtain.wobble = 0.02f;
      sheet.polygon(
          {at + Point{side * (hx + 0.07f), -hy - 0.05f}, at + Point{side * hx * 0.35f, -hy - 0.05f},
           at + Point{side * hx * 0.75f, 0}, at + Point{side * (hx + 0.02f), hy + 0.05f},
           at + Point{side * (hx + 0.1f), hy + 0.05f}},
          curtain);
    }
  Paint sill = graded(lighter(p.near, 0.3f), p.near);
  sheet.box({at.x, at.y + hy + 0.06f}, hx + 0.1f, 0.035f, sill);
  if (facts.flowers) {
    const Point pot = at + Point{random.uniform(-0.15f, 0.15f), hy + 0.01f};
    sheet.polygon({pot + Point{-0.05f, -0.04f}, pot + Point{0.05f, -0.04f},
                   pot + Point{0.035f, 0.05f}, pot + Point{-0.035f, 0.05f}},
                  flat(mix(p.accent, p.near, 0.4f)));
    for (int i = 0; i < 5; ++i)
      draw_flower(studio,
                  pot + Point{random.uniform(-0.07f, 0.07f), random.uniform(-0.15f, -0.06f)},
                  0.035f, any_bright(studio), p.light);
  }
}

void rooftops(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  draw_sky(studio, 0.5f);
  for (int row = 0; row < 4; ++row) {
    const float depth = static_cast<float>(row) / 3, y = mix(0.36f, 0.86f, depth);
    float x = random.uniform(-0.12f, 0);
    while (x < 1) {
      const float w = mix(0.12f, 0.3f, depth) * random.uniform(0.8f, 1.2f);
      const float lift = random.uniform(-0.04f, 0.04f);
      const Colour tile =
          mix(mix(p.accent, p.far, 0.5f), mix(p.accent, p.near, random.uniform(0.1f, 0.6f)), depth);
      draw_house(studio, {x, y + lift, x + w, y + 0.4f}, false);
      Paint roof = graded(lighter(tile, 0.15f), lighter(tile, -0.2f));
      roof.brush = {0.3f, 1};
      roof.grain = 0.2f;
      const float rise = w * random.uniform(0.3f, 0.5f);
      sheet.polygon({{x - w * 0.05f, y + lift + 0.02f},
                     {x + w * 1.05f, y + lift + 0.02f},
                     {x + w * 0.75f, y + lift - rise},
                     {x + w * 0.25f, y + lift - rise}},
                    roof);
      if (random.chance(0.5f)) {
        const Point stack{x + w * 0.6f, y + lift - rise};
        sheet.box(stack, w * 0.05f, w * 0.14f, flat(mix(p.dark, p.near, 0.5f)));
        if (random.chance(0.5f)) {
          Paint smoke = flat(lighter(p.low, 0.3f));
          smoke.soft = 0.02f;
          smoke.opacity = 0.5f;
          smoke.contour = Contour::none;
          for (int i = 0; i < 3; ++i)
            sheet.disc(stack - Point{-0.015f * static_cast<float>(i),
                                     0.05f + 0.04f * static_cast<float>(i)},
                       0.018f + 0.008f * static_cast<float>(i), smoke);
        }
      }
      x += w * 1.02f;
    }
  }
}

void cathedral(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float ground = random.uniform(0.8f, 0.88f);
  draw_sky(studio, ground);
  float x = -0.02f;
  while (x < 1) {
    const float w = random.uniform(0.1f, 0.16f);
    draw_house(studio, {x, ground - random.uniform(0.12f, 0.24f), x + w, ground}, true);
    x += w;
  }
  const Colour stone = mix(p.low, p.far, 0.45f);
  Paint masonry = graded(lighter(stone, 0.2f), lighter(stone, -0.25f));
  masonry.across = 0.7f;
  masonry.brush = {0, 1};
  const float c = random.uniform(0.44f, 0.56f);
  const bool dome = random.chance(0.4f);
  sheet.box({c, ground - 0.15f}, 0.2f, 0.16f, masonry);
  const Colour top_colour = mix(p.water, p.accent, random.uniform());
  Paint top = graded(lighter(top_colour, 0.2f), lighter(top_colour, -0.3f));
  if (dome) {
    sheet.ellipse({c, ground - 0.33f}, 0.15f, 0.16f, top);
    sheet.box({c, ground - 0.29f}, 0.16f, 0.035f, masonry);
    sheet.limb({c, ground - 0.48f}, {c, ground - 0.6f}, 0.015f, 0.004f, flat(p.second));
  }
  for (const float side : {-1.0f, 1.0f}) {
    if (dome && side > 0 && random.chance(0.5f)) continue;
    const float tx = c + side * 0.17f, height = random.uniform(0.36f, 0.48f);
    sheet.box({tx, ground - height / 2}, 0.052f, height / 2, masonry);
    sheet.polygon({{tx - 0.065f, ground - height},
                   {tx + 0.065f, ground - height},
                   {tx, ground - height - random.uniform(0.14f, 0.24f)}},
                  top);
    draw_windows(studio,
                 {tx - 0.045f, ground - height + 0.03f, tx + 0.045f, ground - height + 0.2f}, 1, 2);
  }
  Paint glass = graded(p.accent, p.water);
  glass.around = true;
  glass.detail = 0.9f;
  if (!dome) sheet.disc({c, ground - 0.22f}, 0.05f, glass);
  Paint door = flat(mix(p.dark, p.near, 0.3f));
  sheet.ellipse({c, ground - 0.02f}, 0.045f, 0.1f, door);
  Paint square_paint = graded(mix(p.low, p.near, 0.5f), p.near);
  sheet.below(ground, 0.01f, 1, square_paint);
  for (int i = 0; i < facts.count; ++i)
    draw_figure(
        studio,
        any_figure(studio, {random.uniform(0.08f, 0.92f), random.uniform(ground + 0.03f, 0.98f)},
                   random.uniform(0.1f, 0.16f)));
  if (facts.birds) draw_birds(studio, 0.08f, 0.35f, 5);
}

void cafe(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float ground = random.uniform(0.66f, 0.74f);
  draw_sky(studio, 0.3f);
  draw_house(studio, {-0.02f, -0.05f, 0.4f, ground}, false);
  draw_house(studio, {0.4f, 0.08f, 0.75f, ground}, false);
  draw_house(studio, {0.75f, 0.16f, 1.02f, ground}, true);
  Paint glow = graded(p.light, p.second);
  sheet.box({0.34f, ground - 0.14f}, 0.3f, 0.14f, glow);
  for (int i = 0; i < 8; ++i) {  // the awning's stripes
    const float x = 0.02f + 0.08f * static_cast<float>(i);
    Paint stripe = flat(i % 2 == 0 ? p.accent : p.paper);
    stripe.contour = i == 0 ? Contour::own : Contour::joined;
    sheet.polygon({{x + 0.01f, ground - 0.34f},
                   {x + 0.09f, ground - 0.34f},
                   {x + 0.08f, ground - 0.22f},
                   {x, ground - 0.22f}},
                  stripe);
  }
  Paint paving = graded(mix(p.near, p.second, 0.35f), lighter(p.near, -0.2f));
  paving.grain = 0.25f;
  sheet.below(ground, 0.005f, 1, paving);
  for (int i = 0; i < 3; ++i) {
    const Point at{0.18f + 0.27f * static_cast<float>(i) + random.uniform(-0.04f, 0.04f),
                   random.uniform(0.83f, 0.93f)};
    for (const float side : {-1.0f, 1.0f}) {
      if (random.chance(0.25f)) continue;
      Figure f = any_figure(studio, at + Point{side * 0.085f, 0.0f}, 0.27f);
      f.lean = -side * 0.2f;
      (side < 0 ? f.right_hand : f.left_hand) = {-side * 0.2f, -0.5f};
      f.hat = random.chance(0.3f);
      draw_figure(studio, f);
    }
    sheet.line(at - Point{0, 0.1f}, at + Point{0, 0.01f}, 0.012f, flat(p.dark));
    sheet.ellipse(at - Point{0, 0.1f}, 0.065f, 0.022f, flat(p.paper));
  }
  if (is_dark(facts)) draw_stars(studio, 0.2f, 12);
  draw_lamp(studio, {0.84f, 0.86f}, 0.42f);
}

void factory(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float ground = random.uniform(0.78f, 0.86f);
  draw_sky(studio, ground);
  const Colour brick = mix(p.accent, p.dark, 0.45f);
  for (int i = 0; i < facts.count + 1; ++i) {
    const float x = (static_cast<float>(i) + random.uniform(0.3f, 0.7f)) /
                    static_cast<float>(facts.count + 1),
                top = random.uniform(0.24f, 0.42f);
    Paint smoke = flat(mix(p.far, p.dark, random.uniform(0.1f, 0.5f)));
    smoke.contour = Contour::none;
    smoke.around = true;
    smoke.opacity = 0.7f;
    smoke.soft = 0.025f;
    smoke.wobble = 0.03f;
    for (int k = 0; k < 5; ++k)
      sheet.disc({x + 0.055f * static_cast<float>(k), top - 0.03f - 0.045f * static_cast<float>(k)},
                 0.028f + 0.016f * static_cast<float>(k), smoke);
    Paint stack = graded(lighter(brick, 0.15f), lighter(brick, -0.2f));
    stack.across = 1;
    stack.down = 0;
    sheet.limb({x, ground}, {x, top}, 0.034f, 0.022f, stack);
  }
  float x = -0.02f;
  while (x < 1) {
    const float w = random.uniform(0.14f, 0.22f), y = ground - random.uniform(0.16f, 0.24f);
    Paint hall = graded(mix(brick, p.far, 0.3f), lighter(brick, -0.15f));
    sheet.box({x + w / 2, (y + ground) / 2}, w / 2, (ground - y) / 2, hall);
    sheet.polygon({{x, y + 0.005f}, {x, y - w * 0.4f}, {x + w, y + 0.005f}}, hall);
    draw_windows(studio, {x + 0.01f, y + 0.04f, x + w - 0.01f, ground - 0.03f}, 3, 2);
    x += w;
  }
  sheet.below(ground, 0.01f, 1, graded(mix(p.near, p.dark, 0.3f), p.near));
}

void stairs(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  draw_sky(studio, 0.4f);
  draw_house(studio, {-0.02f, 0.05f, 0.3f, 1.02f}, false);
  draw_house(studio, {0.7f, 0.1f, 1.02f, 1.02f}, false);
  draw_house(studio, {0.36f, 0.2f, 0.64f, 0.5f}, true);
  const int steps = 11;
  for (int i = 0; i < steps; ++i) {
    const float t = static_cast<float>(i) / steps, y = mix(0.46f, 1.0f, t * t * 0.6f + t * 0.4f),
                half = mix(0.1f, 0.3f, t);
    const Colour stone = mix(mix(p.low, p.far, 0.4f), p.near, 0.5f * t);
    Paint tread = graded(lighter(stone, 0.25f), lighter(stone, -0.3f));
    tread.contour = i % 2 == 0 ? Contour::own : Contour::joined;
    tread.wobble = 0.002f;
    sheet.box({0.5f, y + 0.05f}, half, 0.05f, tread);
  }
  const float t = random.uniform(0.3f, 0.8f);
  Figure f = any_figure(studio, {0.5f + random.uniform(-0.08f, 0.08f), mix(0.52f, 0.95f, t)},
                        mix(0.2f, 0.42f, t));
  draw_figure(studio, f);
  draw_lamp(studio, {0.31f, 0.8f}, 0.36f);
}

void market(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const float ground = random.uniform(0.5f, 0.58f);
  draw_sky(studio, ground);
  float x = -0.02f;
  while (x < 1) {
    const float w = random.uniform(0.13f, 0.2f);
    draw_house(studio, {x, ground - random.uniform(0.2f, 0.34f), x + w, ground},
               random.chance(0.7f));
    x += w;
  }
  Paint paving = graded(mix(p.low, p.near, 0.5f), lighter(p.near, -0.1f));
  paving.grain = 0.2f;
  sheet.below(ground, 0.005f, 1, paving);
  for (int row = 0; row < 2; ++row) {
    const float y = mix(0.68f, 0.94f, static_cast<float>(row)),
                s = mix(0.6f, 1.0f, static_cast<float>(row));
    const int stalls = 4 - row;
    for (int i = 0; i < stalls; ++i) {
      const Point at{(static_cast<float>(i) + 0.5f) / static_cast<float>(stalls) +
                         random.uniform(-0.04f, 0.04f),
                     y};
      const Colour cloth = any_bright(studio);
      sheet.box(at - Point{0, 0.045f * s}, 0.1f * s, 0.045f * s, flat(mix(p.near, p.dark, 0.4f)));
      for (int k = 0; k < 6; ++k) {
        Paint fruit = flat(any_bright(studio));
        fruit.contour = Contour::none;
        sheet.disc(at + Point{(static_cast<float>(k) - 2.5f) * 0.033f * s, -0.1f * s}, 0.018f * s,
                   fruit);
      }
      for (int k = 0; k < 4; ++k) {
        Paint stripe = flat(k % 2 == 0 ? cloth : p.paper);
        stripe.contour = k == 0 ? Contour::own : Contour::joined;
        const float a = (static_cast<float>(k) - 2) * 0.06f * s, b = a + 0.06f * s;
        sheet.polygon({at + Point{a * 0.8f, -0.27f * s}, at + Point{b * 0.8f, -0.27f * s},
                       at + Point{b, -0.19f * s}, at + Point{a, -0.19f * s}},
                      stripe);
      }
      Figure f = any_figure(studio, at + Point{0.15f * s, 0.03f}, 0.26f * s);
      f.hat = random.chance(0.4f);
      draw_figure(studio, f);
    }
  }
}

void station(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  Paint air = graded(mix(p.high, p.far, 0.3f), p.low);
  sheet.everything(air);
  const float ground = random.uniform(0.68f, 0.76f);
  Paint glass = graded(lighter(p.low, 0.3f), p.high);
  glass.around = true;
  Paint iron = flat(p.dark);
  sheet.ellipse({0.5f, ground}, 0.52f, ground - 0.08f, iron);
  sheet.ellipse({0.5f, ground}, 0.49f, ground - 0.12f, glass);
  for (int i = 1; i < 6; ++i) {  // ribs
    const float turns = 0.5f + 0.5f * static_cast<float>(i) / 6;
    iron.contour = Contour::none;
    sheet.line({0.5f, ground - 0.1f},
               {0.5f + 0.5f * cosine(turns), ground + (ground - 0.1f) * sine(turns)}, 0.012f, iron);
  }
  sheet.below(ground, 0.003f, 1, graded(mix(p.near, p.far, 0.3f), lighter(p.near, -0.3f)));
  const float side = random.sign();
  Paint steam = flat(lighter(p.paper, 0.2f));
  steam.soft = 0.035f;
  steam.opacity = 0.75f;
  steam.contour = Contour::none;
  steam.around = true;
  for (int i = 0; i < 6; ++i)
    sheet.disc({0.5f + side * (0.1f - 0.09f * static_cast<float>(i)),
                ground - 0.32f - 0.03f * static_cast<float>(i % 3)},
               random.uniform(0.05f, 0.09f), steam);
  Paint engine = graded(lighter(p.accent, -0.15f), lighter(p.dark, 0.05f));
  engine.detail = 0.7f;
  for (int i = 0; i < 3; ++i)
    sheet.box({0.5f - side * (0.02f + 0.27f * static_cast<float>(i)), ground - 0.07f}, 0.125f,
              0.085f, engine, 0.02f);
  sheet.box({0.5f + side * 0.2f, ground - 0.05f}, 0.12f, 0.06f, engine, 0.03f);
  sheet.limb({0.5f + side * 0.24f, ground - 0.1f}, {0.5f + side * 0.24f, ground - 0.2f}, 0.02f,
             0.03f, flat(p.dark));
  for (int i = 0; i < 8; ++i)
    sheet.disc({0.08f + 0.12f * static_cast<float>(i), ground + 0.025f}, 0.03f, flat(p.dark));
  sheet.line({-0.1f, ground + 0.06f}, {1.1f, ground + 0.06f}, 0.012f, flat(lighter(p.far, 0.3f)));
  for (int i = 0; i < facts.count + 1; ++i) {
    Figure f = any_figure(studio, {random.uniform(0.08f, 0.92f), random.uniform(0.92f, 0.98f)},
                          random.uniform(0.24f, 0.32f));
    f.hat = random.chance(0.5f);
    draw_figure(studio, f);
  }
}

}  // namespace

void compose_city(Studio& studio) {
  switch (studio.facts.subject) {
    case Subject::bridge:
    case Subject::harbour:
    case Subject::canal:
    case Subject::lighthouse:
      return compose_waterside(studio);
    case Subject::window:
      return window(studio);
    case Subject::rooftops:
      return rooftops(studio);
    case Subject::cathedral:
      return cathedral(studio);
    case Subject::cafe:
      return cafe(studio);
    case Subject::factory:
      return factory(studio);
    case Subject::stairs:
      return stairs(studio);
    case Subject::market:
      return market(studio);
    case Subject::station:
      return station(studio);
    case Subject::skyline:
      return skyline(studio);
    default:
      return street(studio);
  }
}

}  // namespace vernissage::training
