#include "training/dataset/painter/subjects/parts/houses.h"

namespace vernissage::training {

bool is_dark(const Facts& facts) {
  return facts.light == Light::night || facts.light == Light::neon || facts.light == Light::blue ||
         facts.light == Light::violet;
}

Colour wall_colour(Studio& studio) {
  const Palette& p = studio.palette;
  const Colour all[] = {p.far, p.near, mix(p.second, p.near, 0.4f), mix(p.accent, p.far, 0.4f),
                        mix(p.low, p.far, 0.5f)};
  return lighter(all[studio.random.below(5)], studio.random.uniform(-0.15f, 0.12f));
}

void draw_windows(Studio& studio, Box front, int columns, int rows) {
  auto& [sheet, p, facts, random] = studio;
  const float lit_share = is_dark(facts) ? 0.6f : 0.12f;
  const float w = (front.x1 - front.x0) / static_cast<float>(columns),
              h = (front.y1 - front.y0) / static_cast<float>(rows);
  for (int i = 0; i < columns; ++i)
    for (int j = 0; j < rows; ++j) {
      const bool lit = random.chance(lit_share);
      Paint pane = flat(lit ? mix(p.second, p.light, random.uniform(0.1f, 0.7f))
                            : mix(p.dark, p.water, 0.35f));
      pane.detail = 1;
      pane.wobble = 0.002f;
      pane.contour = Contour::none;
      sheet.box({front.x0 + w * (static_cast<float>(i) + 0.5f),
                 front.y0 + h * (static_cast<float>(j) + 0.5f)},
                w * 0.26f, h * 0.3f, pane);
    }
}

void draw_house(Studio& studio, Box front, bool gable) {
  auto& [sheet, p, facts, random] = studio;
  const Colour colour = wall_colour(studio);
  Paint wall = graded(lighter(colour, 0.1f), lighter(colour, -0.2f));
  wall.brush = {0.05f, 1};
  wall.wobble = 0.003f;
  wall.detail = 0.5f;
  sheet.box({(front.x0 + front.x1) / 2, (front.y0 + front.y1) / 2}, (front.x1 - front.x0) / 2,
            (front.y1 - front.y0) / 2, wall);
  const float w = front.x1 - front.x0;
  if (gable) {
    Paint roof = graded(mix(p.accent, p.near, 0.3f), lighter(mix(p.accent, p.dark, 0.3f), -0.1f));
    roof.detail = 0.6f;
    sheet.polygon({{front.x0 - w * 0.06f, front.y0},
                   {front.x1 + w * 0.06f, front.y0},
                   {front.x0 + w * 0.5f, front.y0 - w * random.uniform(0.35f, 0.6f)}},
                  roof);
  }
  const int columns = w > 0.16f ? 3 : 2;
  const int rows =
      static_cast<int>((front.y1 - front.y0) / (w / static_cast<float>(columns) * 1.35f));
  if (rows > 0)
    draw_windows(studio,
                 {front.x0 + w * 0.08f, front.y0 + 0.015f, front.x1 - w * 0.08f, front.y1 - 0.01f},
                 columns, rows < 8 ? rows : 8);
}

void draw_lamp(Studio& studio, Point foot, float height) {
  auto& [sheet, p, facts, random] = studio;
  sheet.limb(foot, foot - Point{0, height}, height * 0.03f, height * 0.018f, flat(p.dark));
  Paint glow = flat(p.light);
  glow.soft = height * 0.25f;
  glow.opacity = is_dark(facts) ? 0.8f : 0.35f;
  glow.contour = Contour::none;
  glow.around = true;
  sheet.disc(foot - Point{0, height}, height * 0.2f, glow);
  Paint bulb = flat(lighter(p.light, 0.3f));
  bulb.detail = 1;
  sheet.disc(foot - Point{0, height}, height * 0.06f, bulb);
}

}  // namespace vernissage::training
