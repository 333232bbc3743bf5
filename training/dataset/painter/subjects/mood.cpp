// Moods: no thing is shown.
#include "training/dataset/painter/subjects/parts/elements.h"

namespace vernissage::training {
namespace {

Paint ground_paint(Studio& studio) {
  const Palette& p = studio.palette;
  Random& random = studio.random;
  const Colour all[] = {p.paper, p.low, p.high, p.dark, p.far};
  Paint ground = flat(all[random.below(5)]);
  ground.to = mix(ground.from, p.low, 0.4f);
  ground.grain = 0.15f;
  ground.detail = 0.1f;
  ground.brush = {random.uniform(-1, 1), random.uniform(-1, 1)};
  return ground;
}

void colour_field(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const Colour ground = random.chance(0.5f) ? lighter(p.accent, -0.35f) : p.high;
  Paint base = flat(ground);
  base.grain = 0.12f;
  sheet.everything(base);
  const int count = random.between(2, 3);
  const Colour tones[] = {p.accent, p.second, p.water, p.far, p.low, p.dark};
  int tone = random.below(6);
  float y = 0.07f;
  for (int i = 0; i < count; ++i) {
    const float high = (0.9f - 0.05f * static_cast<float>(count)) / static_cast<float>(count) *
                       random.uniform(0.7f, 1.15f);
    const float bottom = minimum(i + 1 == count ? 0.93f : y + high, 0.93f);
    Paint field = graded(tones[tone % 6], lighter(tones[tone % 6], random.uniform(-0.15f, 0.15f)));
    field.soft = 0.022f;
    field.wobble = 0.02f;
    field.grain = 0.14f;
    field.opacity = 0.93f;
    field.detail = 0.1f;
    sheet.box({0.5f, (y + bottom) / 2}, 0.41f, maximum(0.03f, (bottom - y) / 2), field, 0.02f);
    y = bottom + 0.045f;
    tone += random.between(1, 3);
  }
}

void stripes(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  sheet.everything(ground_paint(studio));
  const float turns = random.chance(0.5f)   ? 0
                      : random.chance(0.5f) ? 0.25f
                                            : random.uniform(0.08f, 0.17f);
  const int count = 5 + facts.count;
  float at = -0.75f;
  while (at < 0.75f) {
    const float half = random.uniform(0.4f, 1.6f) / static_cast<float>(count) / 2;
    const Point middle = Point{0.5f, 0.5f} + rotated({0, at + half}, turns);
    Paint stripe = flat(any_bright(studio));
    stripe.brush = rotated({1, 0}, turns);
    stripe.wobble = 0.008f;
    stripe.detail = 0.2f;
    sheet.box(middle, 0.9f, half * random.uniform(0.7f, 1.0f), stripe, 0, turns);
    at += 2 * half;
  }
}

void facets(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  sheet.everything(ground_paint(studio));
  for (int i = 0; i < 26; ++i) {
    const Point at{random.uniform(0.05f, 0.95f), random.uniform(0.05f, 0.95f)};
    const float r = random.uniform(0.1f, 0.3f), first = random.uniform();
    const int corners = random.between(3, 4);
    Point shape[4];
    for (int k = 0; k < corners; ++k) {
      const float turns = first + (static_cast<float>(k) + random.uniform(-0.25f, 0.25f)) /
                                      static_cast<float>(corners);
      shape[k] = at + Point{cosine(turns), sine(turns)} * (r * random.uniform(0.6f, 1.1f));
    }
    const Colour tone = mix(any_bright(studio), p.low, random.uniform(0, 0.4f));
    Paint facet = graded(lighter(tone, 0.3f), lighter(tone, -0.35f));
    facet.across = random.uniform(-1, 1);
    facet.down = random.uniform(-1, 1);
    facet.brush = {random.uniform(-1, 1), random.uniform(-1, 1)};
    facet.opacity = 0.9f;
    sheet.polygon(std::span<const Point>(shape, static_cast<size_t>(corners)), facet);
  }
  for (int i = 0; i < 4; ++i) {
    Paint line = flat(p.dark);
    line.detail = 1;
    sheet.line({random.uniform(0, 1), 0}, {random.uniform(0, 1), 1}, 0.008f, line);
  }
}

void splits(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  sheet.everything(ground_paint(studio));
  for (int i = 0; i < 9; ++i) {
    Paint area = flat(saturated(any_bright(studio), 1.3f));
    area.brush = {random.uniform(-1, 1), random.uniform(-1, 1)};
    area.wobble = 0.06f;
    area.grain = 0.16f;
    area.detail = 0.15f;
    const Point bend[] = {{random.uniform(-0.1f, 1.1f), random.uniform(-0.1f, 1.1f)},
                          {random.uniform(0.1f, 0.9f), random.uniform(0.1f, 0.9f)},
                          {random.uniform(-0.1f, 1.1f), random.uniform(-0.1f, 1.1f)}};
    sheet.curve(bend, random.uniform(0.1f, 0.35f), random.uniform(0.1f, 0.4f), area);
  }
}

void lines(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  Paint ground = flat(random.chance(0.75f) ? p.paper : p.dark);
  ground.grain = 0.06f;
  sheet.everything(ground);
  const Colour ink = luma(ground.from) > 0.5f ? p.dark : p.paper;
  for (int i = 0; i < 1 + facts.count; ++i) {
    Point through[5];
    float x = random.uniform(0.05f, 0.3f), y = random.uniform(0.2f, 0.8f);
    for (Point& q : through) {
      q = {x, y};
      x += random.uniform(0.08f, 0.22f);
      y = clamp01(y + random.uniform(-0.3f, 0.3f)) * 0.9f + 0.05f;
    }
    Paint line = flat(ink);
    line.detail = 1;
    line.wobble = 0.003f;
    sheet.curve(through, random.uniform(0.008f, 0.026f), random.uniform(0.008f, 0.03f), line);
  }
  if (random.chance(0.7f)) {
    Paint dot = flat(p.accent);
    sheet.disc({random.uniform(0.2f, 0.8f), random.uniform(0.2f, 0.8f)},
               random.uniform(0.03f, 0.1f), dot);
  }
}

void circles(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  sheet.everything(ground_paint(studio));
  if (random.chance(0.4f)) {  // a chequer of rings in rings
    const int side = random.between(2, 4);
    for (int i = 0; i < side; ++i)
      for (int j = 0; j < side; ++j) {
        const float step = 1.0f / static_cast<float>(side);
        const Point at{(static_cast<float>(i) + 0.5f) * step,
                       (static_cast<float>(j) + 0.5f) * step};
        sheet.box(at, step / 2, step / 2, flat(any_bright(studio)));
        for (int k = 3; k > 0; --k) {
          Paint disc = flat(any_bright(studio));
          disc.around = true;
          disc.wobble = 0.012f;
          sheet.disc(at, step * 0.155f * static_cast<float>(k), disc);
        }
      }
    return;
  }
  for (int i = 0; i < 4 + 2 * facts.count; ++i) {
    const Point at{random.uniform(0.05f, 0.95f), random.uniform(0.05f, 0.95f)};
    const float r = random.uniform(0.03f, 0.2f);
    Paint disc = flat(any_bright(studio));
    disc.around = true;
    disc.opacity = random.uniform(0.7f, 1.0f);
    if (random.chance(0.35f))
      sheet.ring(at, r, r * 0.2f, disc);
    else
      sheet.disc(at, r, disc);
    if (random.chance(0.4f)) sheet.disc(at, r * 0.5f, flat(any_bright(studio)));
  }
  for (int i = 0; i < 5; ++i)
    sheet.line({random.uniform(0, 1), random.uniform(0, 1)},
               {random.uniform(0, 1), random.uniform(0, 1)}, 0.008f, flat(p.dark));
}

void marks(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  const Colour wall = random.chance(0.5f) ? mix(p.paper, p.far, 0.4f) : mix(p.accent, p.dark, 0.5f);
  Paint base = flat(wall);
  base.grain = 0.2f;
  sheet.everything(base);
  if (random.chance(0.6f))  // bricks
    for (int j = 0; j < 9; ++j) {
      Paint joint = flat(lighter(wall, -0.25f));
      joint.contour = Contour::none;
      const float y = static_cast<float>(j) / 9;
      sheet.line({0, y}, {1, y}, 0.007f, joint);
      for (int i = 0; i < 5; ++i) {
        const float x = (static_cast<float>(i) + (j % 2 == 0 ? 0.2f : 0.7f)) / 5;
        sheet.line({x, y}, {x, y + 0.11f}, 0.006f, joint);
      }
    }
  for (int i = 0; i < 4; ++i) {  // sprayed clouds
    Paint spray = flat(saturated(any_bright(studio), 1.4f));
    spray.soft = random.uniform(0.05f, 0.11f);
    spray.opacity = 0.85f;
    spray.around = true;
    sheet.disc({random.uniform(0.1f, 0.9f), random.uniform(0.15f, 0.8f)},
               random.uniform(0.06f, 0.2f), spray);
  }
  for (int i = 0; i < 3 + facts.count; ++i) {  // letters of nobody's alphabet
    Point through[5];
    const Point at{random.uniform(0.1f, 0.8f), random.uniform(0.25f, 0.75f)};
    for (Point& q : through)
      q = at + Point{random.uniform(-0.14f, 0.2f), random.uniform(-0.17f, 0.17f)};
    const float width = random.uniform(0.025f, 0.06f);
    Paint outline = flat(p.dark);
    sheet.curve(through, width * 1.6f, width * 1.6f, outline);
    Paint inside = flat(saturated(any_bright(studio), 1.4f));
    sheet.curve(through, width, width, inside);
    if (random.chance(0.6f))
      sheet.limb(through[2], through[2] + Point{0, random.uniform(0.1f, 0.3f)}, width * 0.22f,
                 width * 0.12f, inside);
  }
  if (random.chance(0.4f)) {  // a crown
    const Point at{random.uniform(0.3f, 0.7f), random.uniform(0.12f, 0.3f)};
    const Point zigzag[] = {at + Point{-0.12f, 0.06f}, at + Point{-0.12f, -0.05f},
                            at + Point{-0.05f, 0.01f}, at + Point{0, -0.08f},
                            at + Point{0.05f, 0.01f},  at + Point{0.12f, -0.05f},
                            at + Point{0.12f, 0.06f}};
    for (int i = 0; i + 1 < 7; ++i) sheet.line(zigzag[i], zigzag[i + 1], 0.02f, flat(p.second));
  }
}

void drips(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  sheet.everything(ground_paint(studio));
  for (int i = 0; i < 18; ++i) {
    Point through[6];
    for (Point& q : through) q = {random.uniform(-0.05f, 1.05f), random.uniform(-0.05f, 1.05f)};
    Paint thread = flat(i % 3 == 0 ? p.dark : i % 3 == 1 ? p.paper : any_bright(studio));
    thread.detail = 1;
    const float width = random.uniform(0.004f, 0.018f);
    sheet.curve(through, width, width * random.uniform(0.3f, 1.2f), thread);
  }
  for (int i = 0; i < 50; ++i) {
    Paint spot = flat(any_bright(studio));
    spot.detail = 1;
    spot.contour = Contour::none;
    sheet.disc({random.uniform(0, 1), random.uniform(0, 1)}, random.uniform(0.004f, 0.017f), spot);
  }
}

void grid(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  Paint ground = flat(mix(p.paper, p.low, 0.15f));
  ground.grain = 0.05f;
  sheet.everything(ground);
  float xs[6] = {0, 0, 0, 0, 0, 1}, ys[6] = {0, 0, 0, 0, 0, 1};
  const int columns = random.between(2, 4), rows = random.between(2, 4);
  for (int i = 1; i < columns; ++i)
    xs[i] = (static_cast<float>(i) + random.uniform(-0.35f, 0.35f)) / static_cast<float>(columns);
  for (int i = 1; i < rows; ++i)
    ys[i] = (static_cast<float>(i) + random.uniform(-0.35f, 0.35f)) / static_cast<float>(rows);
  xs[columns] = ys[rows] = 1;
  const Colour tones[] = {p.accent, p.second, p.water, p.dark};
  for (int i = 0; i < columns; ++i)
    for (int j = 0; j < rows; ++j)
      if (random.chance(0.5f)) {
        Paint field = flat(tones[random.below(4)]);
        field.wobble = 0.002f;
        sheet.box({(xs[i] + xs[i + 1]) / 2, (ys[j] + ys[j + 1]) / 2}, (xs[i + 1] - xs[i]) / 2,
                  (ys[j + 1] - ys[j]) / 2, field);
      }
  Paint bar = flat(p.dark);
  bar.wobble = 0.002f;
  for (int i = 1; i < columns; ++i) sheet.line({xs[i], -0.1f}, {xs[i], 1.1f}, 0.03f, bar);
  for (int i = 1; i < rows; ++i) sheet.line({-0.1f, ys[i]}, {1.1f, ys[i]}, 0.03f, bar);
}

void waves(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  sheet.everything(ground_paint(studio));
  const int rows = random.between(7, 12);
  const float swing = random.uniform(0.03f, 0.08f), pace = random.uniform(1.0f, 2.5f),
              lag = random.uniform(-0.12f, 0.12f);
  const Colour one = any_bright(studio), other = any_bright(studio);
  for (int i = 0; i < rows; ++i) {
    const float y = static_cast<float>(i) / static_cast<float>(rows),
                phase = lag * static_cast<float>(i);
    Paint band = flat(mix(one, i % 2 == 0 ? other : p.paper, i % 2 == 0 ? y : 0.55f));
    band.wobble = 0.006f;
    band.grain = 0.08f;
    sheet.fill({0, y - swing, 1, 1}, band,
               [=](Point q) { return 0.8f * (y + swing * sine(q.x * pace + phase) - q.y); });
  }
}

void spiral(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  sheet.everything(ground_paint(studio));
  const Point centre{random.uniform(0.35f, 0.65f), random.uniform(0.35f, 0.65f)};
  const float spin = random.sign(), open = random.uniform(0.05f, 0.085f);
  const int dots = 90;
  for (int i = dots; i > 0; --i) {
    const float t = static_cast<float>(i) / 18;
    const Point at = centre + Point{cosine(spin * t), sine(spin * t)} * (open * t * 1.6f);
    Paint dot =
        flat(mix(mix(p.light, p.accent, clamp01(t / 2.5f)), p.water, clamp01(t / 2.5f - 1)));
    dot.brush = {-sine(spin * t), cosine(spin * t)};
    dot.contour = i % 6 == 0 ? Contour::own : Contour::joined;
    sheet.disc(at, 0.012f + 0.012f * t, dot);
  }
}

void glow(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  Paint ground = graded(p.high, p.low);
  ground.grain = 0.05f;
  ground.detail = 0;
  sheet.everything(ground);
  const Point at{random.uniform(0.35f, 0.65f), random.uniform(0.35f, 0.65f)};
  for (int i = 4; i > 0; --i) {
    Paint light = flat(mix(p.low, p.light, 1 - 0.2f * static_cast<float>(i)));
    light.soft = 0.09f;
    light.opacity = 0.55f;
    light.around = true;
    light.contour = Contour::none;
    light.detail = 0;
    sheet.disc(at, 0.08f * static_cast<float>(i), light);
  }
  if (random.chance(0.5f))
    sheet.line({-0.1f, 0.8f}, {1.1f, 0.8f}, 0.008f, flat(mix(p.dark, p.low, 0.3f)));
}

void turmoil(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  Paint ground = flat(mix(p.dark, p.accent, random.uniform(0, 0.5f)));
  ground.grain = 0.3f;
  sheet.everything(ground);
  const int kind = random.below(3);
  if (kind == 1) {  // a whirl of arcs
    for (int i = 0; i < 22; ++i) {
      Point arc[4];
      const Point middle{random.uniform(0.1f, 0.9f), random.uniform(0.1f, 0.9f)};
      const float first = random.uniform(), r = random.uniform(0.1f, 0.4f),
                  sweep = random.uniform(0.08f, 0.2f);
      for (int k = 0; k < 4; ++k) {
        const float turns = first + sweep * static_cast<float>(k);
        arc[k] = middle + Point{cosine(turns), sine(turns)} * r;
      }
      Paint slash = flat(i % 3 == 0 ? p.dark : any_bright(studio));
      slash.grain = 0.2f;
      sheet.curve(arc, random.uniform(0.02f, 0.09f), 0.006f, slash);
    }
    return;
  }
  // Slashes: out of one place, or all one way.
  const Point focus{random.uniform(0.3f, 0.7f), random.uniform(0.3f, 0.7f)};
  const float all = random.uniform();
  for (int i = 0; i < 45; ++i) {
    const float turns = kind == 0 ? random.uniform() : all + random.uniform(-0.06f, 0.06f);
    const float out = kind == 0 ? random.uniform(0.05f, 0.6f) : random.uniform(-0.9f, 0.6f);
    const Point way{cosine(turns), sine(turns)};
    const Point start =
        kind == 0 ? focus : focus + Point{-way.y, way.x} * random.uniform(-0.7f, 0.7f);
    const Point from = start + way * out,
                to = start + way * (out + random.uniform(0.1f, 0.4f)) +
                     Point{random.uniform(-0.1f, 0.1f), random.uniform(-0.1f, 0.1f)};
    Paint slash = flat(i % 4 == 0 ? p.dark : i % 4 == 1 ? p.accent : any_bright(studio));
    slash.wobble = 0.015f;
    slash.grain = 0.2f;
    sheet.limb(from, to, random.uniform(0.01f, 0.035f), 0.003f, slash);
  }
}

void constellation(Studio& studio) {
  auto& [sheet, p, facts, random] = studio;
  Paint ground = graded(mix(p.high, p.dark, 0.4f), p.dark);
  if (random.chance(0.3f)) ground = graded(p.paper, p.low);
  ground.grain = 0.2f;
  sheet.everything(ground);
  const Colour ink = luma(ground.from) > 0.5f ? p.dark : p.light;
  Point before{random.uniform(0.1f, 0.3f), random.uniform(0.2f, 0.8f)};
  for (int i = 0; i < 8; ++i) {
    const Point next{clamp01(before.x + random.uniform(-0.12f, 0.3f)) * 0.94f + 0.03f,
                     clamp01(before.y + random.uniform(-0.35f, 0.35f)) * 0.9f + 0.05f};
    Paint thread = flat(ink);
    thread.detail = 1;
    thread.opacity = 0.8f;
    sheet.line(before, next, 0.006f, thread);
    Paint body = flat(random.chance(0.6f) ? any_bright(studio) : ink);
    body.around = true;
    const float r = random.uniform(0.014f, 0.055f);
    if (random.chance(0.3f))
      draw_flower(studio, next, r * 1.5f, body.from, ink);
    else
      sheet.disc(next, r, body);
    before = next;
  }
  draw_stars(studio, 1, 15);
}

}  // namespace

void compose_mood(Studio& studio) {
  switch (studio.facts.subject) {
    case Subject::stripes:
      return stripes(studio);
    case Subject::facets:
      return facets(studio);
    case Subject::splits:
      return splits(studio);
    case Subject::lines:
      return lines(studio);
    case Subject::circles:
      return circles(studio);
    case Subject::marks:
      return marks(studio);
    case Subject::drips:
      return drips(studio);
    case Subject::grid:
      return grid(studio);
    case Subject::waves:
      return waves(studio);
    case Subject::spiral:
      return spiral(studio);
    case Subject::glow:
      return glow(studio);
    case Subject::turmoil:
      return turmoil(studio);
    case Subject::constellation:
      return constellation(studio);
    default:
      return colour_field(studio);
  }
}

}  // namespace vernissage::training
