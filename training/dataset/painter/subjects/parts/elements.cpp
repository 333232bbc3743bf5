#include "training/dataset/painter/subjects/parts/elements.h"

namespace vernissage::training {

Point light_place(const Facts& facts) {
  Random random(facts.seed ^ 0x11687);
  return {random.uniform(0.18f, 0.82f), random.uniform(0.14f, 0.3f)};
}

Colour any_bright(Studio& studio) {
  const Palette& p = studio.palette;
  const Colour all[] = {p.accent, p.second, p.light, p.water, p.leaf, p.far};
  return all[studio.random.below(6)];
}

void draw_sky(Studio& studio, float horizon) {
  auto& [sheet, p, facts, random] = studio;
  Paint sky = graded(p.high, p.low);
  sky.grain = 0.12f;
  sky.detail = 0.15f;
  sky.brush = {1, random.uniform(-0.3f, 0.3f)};
  sheet.fill({0, 0, 1, maximum(horizon, 0.1f) + 0.05f}, sky, [](Point) { return -1.0f; });

  if (facts.sun || facts.moon) {
    const Point at = light_place(facts);
    const float radius = random.uniform(0.05f, 0.1f);
    Paint glow = flat(p.light);
    glow.opacity = 0.35f;
    glow.soft = radius * 0.9f;
    glow.around = true;
    glow.contour = Contour::none;
    sheet.disc(at, radius * 1.7f, glow);
    Paint body = flat(facts.sun ? mix(p.light, p.second, 0.35f) : p.light);
    body.around = true;
    body.detail = 0.7f;
    sheet.disc(at, radius, body);
    if (facts.moon && random.chance(0.4f)) {  // a crescent
      Paint shadow = flat(mix(p.high, p.low, 0.3f));
      shadow.contour = Contour::none;
      sheet.disc(at + Point{radius * 0.5f, -radius * 0.15f}, radius * 0.85f, shadow);
    }
  }
  if (facts.clouds) {
    const int clouds = random.between(2, 5);
    for (int i = 0; i < clouds; ++i) {
      Paint cloud = graded(lighter(p.low, 0.45f), mix(p.low, p.far, 0.3f));
      cloud.opacity = random.uniform(0.35f, 0.8f);
      cloud.soft = 0.02f;
      cloud.wobble = 0.03f;
      cloud.contour = Contour::none;
      cloud.detail = 0.3f;
      const float y = random.uniform(0.03f, maximum(0.1f, horizon * 0.75f));
      sheet.ellipse({random.uniform(0, 1), y}, random.uniform(0.1f, 0.28f),
                    random.uniform(0.018f, 0.05f), cloud);
    }
  }
}

void draw_backdrop(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const Colour tones[] = {p.high, p.far, p.water, p.leaf, p.low, p.near, p.accent, p.second};
  const Colour first = tones[random.below(random.chance(0.3f) ? 8 : 5)];
  const Colour second = mix(tones[random.below(6)], first, 0.35f);
  Paint ground = graded(first, second);
  ground.grain = 0.22f;
  ground.detail = 0.1f;
  ground.across = random.uniform(-0.6f, 0.6f);
  ground.brush = {random.uniform(-1, 1), random.uniform(-1, 1)};
  sheet.everything(ground);
  const int kind = random.below(6);
  if (kind == 0) {  // a window or a picture on the wall
    const Point at{random.chance(0.5f) ? 0.18f : 0.82f, random.uniform(0.2f, 0.35f)};
    sheet.box(at, 0.13f, 0.17f, flat(p.dark));
    sheet.box(at, 0.11f, 0.15f, graded(p.high, p.low));
  } else if (kind == 1) {  // a curtain
    Paint cloth = graded(p.accent, lighter(p.accent, -0.4f));
    cloth.across = 1;
    cloth.down = 0;
    cloth.brush = {0.1f, 1};
    cloth.wobble = 0.02f;
    const float x = random.chance(0.5f) ? 0.05f : 0.95f;
    sheet.box({x, 0.5f}, random.uniform(0.12f, 0.22f), 0.6f, cloth);
  } else if (kind == 2) {  // a halo of light
    Paint halo = flat(lighter(second, 0.35f));
    halo.soft = 0.12f;
    halo.around = true;
    halo.opacity = 0.7f;
    halo.contour = Contour::none;
    sheet.disc({0.5f, 0.4f}, 0.28f, halo);
  } else if (kind == 3) {  // wallpaper
    const int columns = random.between(4, 7);
    for (int i = 0; i < columns; ++i)
      for (int j = 0; j < columns; ++j) {
        Paint spot = flat(mix(first, p.second, 0.45f));
        spot.contour = Contour::none;
        const float step = 1.0f / static_cast<float>(columns);
        const float shift = (j % 2 == 0) ? 0.25f : 0.75f;
        sheet.disc({(static_cast<float>(i) + shift) * step, (static_cast<float>(j) + 0.5f) * step},
                   0.17f * step, spot);
      }
  } else if (kind == 4) {  // land behind
    Paint land = graded(p.far, p.near);
    land.contour = Contour::none;
    sheet.below(random.uniform(0.5f, 0.68f), 0.08f, 1.5f, land);
  }
}

void draw_stars(Studio& studio, float down_to, int count) {
  auto& [sheet, p, facts, random] = studio;
  for (int i = 0; i < count; ++i) {
    Paint star = flat(random.chance(0.75f) ? p.light : p.second);
    star.detail = 1;
    star.wobble = 0;
    star.contour = Contour::none;
    sheet.disc({random.uniform(0, 1), random.uniform(0, down_to)}, random.uniform(0.005f, 0.014f),
               star);
  }
}

void draw_birds(Studio& studio, float from_y, float to_y, int count) {
  auto& [sheet, p, facts, random] = studio;
  for (int i = 0; i < count; ++i) {
    const Point at{random.uniform(0.08f, 0.92f), random.uniform(from_y, to_y)};
    const float wing = random.uniform(0.025f, 0.07f), lift = wing * random.uniform(0.3f, 0.75f);
    Paint ink = flat(luma(p.high) > 0.35f ? p.dark : p.light);
    ink.detail = 1;
    ink.wobble = 0.002f;
    for (const float side : {-1.0f, 1.0f}) {
      const Point bend = at + Point{side * wing * 0.5f, -lift};
      sheet.limb(at, bend, wing * 0.13f, wing * 0.1f, ink);
      ink.contour = Contour::joined;
      sheet.limb(bend, at + Point{side * wing, -lift * 0.45f}, wing * 0.1f, 0.002f, ink);
    }
  }
}

void draw_tree(Studio& studio, Point foot, float height, Colour crown, bool bare) {
  auto& [sheet, p, facts, random] = studio;
  const Colour bark = mix(p.dark, p.near, 0.3f);
  Paint wood = graded(lighter(bark, 0.1f), bark);
  wood.detail = 0.8f;
  const float lean = random.uniform(-0.08f, 0.08f) * height;
  const Point fork = foot + Point{lean, -height * 0.5f};
  sheet.limb(foot, fork, height * 0.055f, height * 0.03f, wood);
  const int branches = bare ? 6 : 3;
  for (int i = 0; i < branches; ++i) {
    const float spread = (static_cast<float>(i) + 0.5f) / static_cast<float>(branches) - 0.5f;
    const Point start = mix(foot, fork, random.uniform(0.7f, 1.0f));
    const Point tip = start + Point{spread * height * 0.85f, -height * random.uniform(0.3f, 0.5f)};
    sheet.limb(start, tip, height * 0.022f, height * 0.006f, wood);
    if (bare) {
      const Point middle = mix(start, tip, 0.55f);
      sheet.limb(middle, middle + Point{random.uniform(-0.18f, 0.18f) * height, -0.17f * height},
                 height * 0.012f, height * 0.004f, wood);
    }
    wood.contour = Contour::joined;
  }
  if (bare) return;
  const int clumps = random.between(4, 7);
  for (int i = 0; i < clumps; ++i) {
    const Point at = fork + Point{random.uniform(-0.27f, 0.27f) * height,
                                  -height * random.uniform(0.05f, 0.38f)};
    Paint leaves = graded(lighter(crown, random.uniform(0.1f, 0.3f)),
                          lighter(crown, random.uniform(-0.4f, -0.1f)));
    leaves.around = true;
    leaves.wobble = height * 0.07f;
    leaves.grain = 0.2f;
    leaves.detail = 0.6f;
    leaves.contour = i == 0 ? Contour::own : Contour::joined;
    sheet.disc(at, height * random.uniform(0.14f, 0.22f), leaves);
  }
}

void draw_conifer(Studio& studio, Point foot, float height, Colour crown) {
  auto& [sheet, p, facts, random] = studio;
  sheet.line(foot, foot - Point{0, height * 0.3f}, height * 0.06f, flat(p.dark));
  for (int i = 0; i < 3; ++i) {
    const float base = foot.y - height * (0.12f + 0.26f * static_cast<float>(i));
    const float half = height * (0.24f - 0.05f * static_cast<float>(i));
    Paint needles = graded(lighter(crown, 0.12f), lighter(crown, -0.25f));
    needles.brush = {0.4f, 1};
    needles.wobble = height * 0.03f;
    needles.contour = i == 0 ? Contour::own : Contour::joined;
    sheet.polygon({{foot.x - half, base}, {foot.x + half, base}, {foot.x, base - height * 0.4f}},
                  needles);
  }
}

void draw_flower(Studio& studio, Point centre, float radius, Colour petals, Colour heart) {
  auto& [sheet, p, facts, random] = studio;
  const int count = random.between(5, 8);
  const float first = random.uniform();
  for (int i = 0; i < count; ++i) {
    const float turns = first + static_cast<float>(i) / static_cast<float>(count);
    const Point out{cosine(turns), sine(turns)};
    Paint petal = flat(lighter(petals, random.uniform(-0.15f, 0.25f)));
    petal.brush = out;
    petal.detail = 0.9f;
    petal.contour = i == 0 ? Contour::own : Contour::joined;
    sheet.ellipse(centre + out * (radius * 0.6f), radius * 0.45f, radius * 0.3f, petal, turns);
  }
  Paint middle = flat(heart);
  middle.detail = 1;
  sheet.disc(centre, radius * 0.32f, middle);
}

void draw_flowers(Studio& studio, float from_y, float to_y, int count) {
  Random& random = studio.random;
  for (int i = 0; i < count; ++i) {
    const float depth = (static_cast<float>(i) + random.uniform()) / static_cast<float>(count);
    Paint bloom = flat(any_bright(studio));
    bloom.around = true;
    bloom.detail = 0.8f;
    bloom.contour = Contour::none;
    studio.sheet.disc({random.uniform(0, 1), mix(from_y, to_y, depth)}, mix(0.008f, 0.026f, depth),
                      bloom);
  }
}

void draw_sail_boat(Studio& studio, Point waterline, float length, Colour sail) {
  auto& [sheet, p, facts, random] = studio;
  const float h = length * 0.5f, side = random.sign();
  Paint cloth = graded(lighter(sail, 0.25f), sail);
  cloth.brush = {0.2f, 1};
  cloth.detail = 0.9f;
  cloth.wobble = 0.002f;
  sheet.polygon({waterline + Point{side * length * 0.04f, -h * 0.3f},
                 waterline + Point{side * length * 0.45f, -h * 0.35f},
                 waterline + Point{side * length * 0.04f, -h * 2.1f}},
                cloth);
  sheet.polygon({waterline + Point{-side * length * 0.04f, -h * 0.35f},
                 waterline + Point{-side * length * 0.34f, -h * 0.38f},
                 waterline + Point{-side * length * 0.04f, -h * 1.7f}},
                cloth);
  Paint hull = flat(mix(p.dark, p.accent, 0.35f));
  hull.detail = 0.9f;
  hull.wobble = 0.002f;
  sheet.polygon(
      {waterline + Point{-length * 0.5f, -h * 0.25f}, waterline + Point{length * 0.5f, -h * 0.25f},
       waterline + Point{length * 0.34f, h * 0.12f}, waterline + Point{-length * 0.34f, h * 0.12f}},
      hull);
  Paint mirror = flat(mix(sail, p.water, 0.5f));
  mirror.opacity = 0.5f;
  mirror.soft = 0.012f;
  mirror.contour = Contour::none;
  sheet.ellipse(waterline + Point{0, h * 0.6f}, length * 0.22f, h * 0.45f, mirror);
}

void draw_water(Studio& studio, float shore, float to) {
  auto& [sheet, p, facts, random] = studio;
  Paint water = graded(mix(p.water, p.low, 0.55f), lighter(p.water, -0.2f));
  water.brush = {1, 0.02f};
  water.detail = 0.35f;
  water.grain = 0.12f;
  sheet.box({0.5f, (shore + to) / 2}, 0.6f, (to - shore) / 2, water);
  const int ripples = 16;
  for (int i = 0; i < ripples; ++i) {
    const float depth = random.uniform();
    Paint ripple =
        flat(random.chance(0.5f) ? mix(p.water, p.low, 0.75f) : lighter(p.water, -0.35f));
    ripple.opacity = 0.6f;
    ripple.contour = Contour::none;
    const Point at{random.uniform(0, 1), mix(shore, to, depth)};
    const float half = random.uniform(0.03f, 0.09f) * (0.4f + depth);
    sheet.line(at - Point{half, 0}, at + Point{half, random.uniform(-0.006f, 0.006f)},
               0.006f + 0.008f * depth, ripple);
  }
  if (!facts.sun && !facts.moon) return;
  const float x = light_place(facts).x;
  for (int i = 0; i < 9; ++i) {
    const float depth = (static_cast<float>(i) + random.uniform()) / 9;
    Paint path = flat(mix(p.light, p.second, facts.sun ? 0.3f : 0.0f));
    path.opacity = 0.85f;
    path.contour = Contour::none;
    path.detail = 0.8f;
    const Point at{x + random.uniform(-0.03f, 0.03f), mix(shore + 0.01f, to, depth)};
    const float half = random.uniform(0.015f, 0.05f) * (0.5f + depth);
    sheet.line(at - Point{half, 0}, at + Point{half, 0}, 0.008f + 0.012f * depth, path);
  }
}

}  // namespace vernissage::training
