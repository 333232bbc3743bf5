// Water and dry pigment on paper.
#include "training/dataset/painter/media/medium.h"

namespace vernissage::training {
namespace {

/// The composition looked at through moving water: each pixel's colour comes from a little beside
/// it.
Surface wandering(const Sheet& sheet, float far, uint32_t seed) {
  const int n = sheet.size();
  const float side = static_cast<float>(n);
  const float* table = noise_table();
  const float ox = unit(hashed(1, 1, seed)) * 8, oy = unit(hashed(2, 2, seed)) * 8;
  Surface moved(n);
  for (int y = 0; y < n; ++y)
    for (int x = 0; x < n; ++x) {
      const float u = (static_cast<float>(x) + 0.5f) / side,
                  v = (static_cast<float>(y) + 0.5f) / side;
      const float dx = noise(table, u * 1.3f + ox, v * 1.3f + oy) * far * side;
      const float dy = noise(table, u * 1.3f + oy, v * 1.3f + ox + 3) * far * side;
      const auto inside = [&](float value) {
        return static_cast<int>(minimum(maximum(value, 0), side - 1));
      };
      moved.at(x, y) =
          sheet
              .cells[static_cast<size_t>(inside(static_cast<float>(y) + 0.5f + dy) * n +
                                         inside(static_cast<float>(x) + 0.5f + dx))]
              .colour;
    }
  return moved;
}

/// Means over (2r + 1)², edges repeated.
Surface blurred(const Surface& from, int r) {
  const int n = from.size;
  Surface rows(n), both(n);
  const float share = 1.0f / static_cast<float>(2 * r + 1);
  const auto inside = [n](int v) { return v < 0 ? 0 : v >= n ? n - 1 : v; };
  for (int pass = 0; pass < 2; ++pass) {
    const Surface& source = pass == 0 ? from : rows;
    Surface& target = pass == 0 ? rows : both;
    for (int y = 0; y < n; ++y)
      for (int x = 0; x < n; ++x) {
        Colour sum;
        for (int k = -r; k <= r; ++k) {
          const Colour& c = pass == 0 ? source.at(inside(x + k), y) : source.at(x, inside(y + k));
          sum = {sum.r + c.r, sum.g + c.g, sum.b + c.b};
        }
        target.at(x, y) = {sum.r * share, sum.g * share, sum.b * share};
      }
  }
  return both;
}

float grain_at(int x, int y, uint32_t seed) {
  return unit(hashed(static_cast<uint32_t>(x), static_cast<uint32_t>(y), seed)) - 0.5f;
}

/// Tooth of the paper: smooth at a pixel or two, whatever the size.
float tooth(const float* table, int x, int y) {
  return noise(table, static_cast<float>(x) * 0.021f, static_cast<float>(y) * 0.021f) * 0.4f;
}

}  // namespace

void paint_watercolour(const Sheet& sheet, const Palette& palette, Surface& surface,
                       uint32_t seed) {
  const int n = sheet.size();
  const float* table = noise_table();
  const Surface wash = wandering(sheet, 0.016f, seed);
  const Surface wet = blurred(wash, n / 32 > 1 ? n / 32 : 1);
  const Colour paper = lighter(palette.paper, 0.45f);
  const float ox = unit(hashed(3, 3, seed)) * 8;
  for (int y = 0; y < n; ++y)
    for (int x = 0; x < n; ++x) {
      const float u = static_cast<float>(x) / static_cast<float>(n),
                  v = static_cast<float>(y) / static_cast<float>(n);
      const Colour sharp = wash.at(x, y), soft = wet.at(x, y);
      const float pool = noise(table, u * 1.1f + ox, v * 1.1f);
      Colour c = mix(sharp, soft, clamp01(0.4f + 0.5f * pool));
      // Pigment gathers at the edge of a wash and settles in the paper.
      const float edge = magnitude(luma(sharp) - luma(soft));
      const float dark = 0.9f * edge + 0.05f * grain_at(x, y, seed);
      c = mix(c, paper, clamp01(0.26f + 0.22f * pool + tooth(table, x, y) * 0.15f));
      c = saturated(c, 1.18f);
      surface.at(x, y) = {c.r - dark, c.g - dark, c.b - dark};
    }
}

void paint_pastel(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed) {
  const int n = sheet.size();
  const Colour ground = mix(palette.paper, palette.far, 0.45f);
  for (Colour& c : surface.colours) c = ground;
  Brush chalk;
  chalk.length = 0.12f;
  chalk.width = 0.03f;
  chalk.stray = 0.06f;
  chalk.tint = 0.10f;
  chalk.bristle = 0.05f;
  paint_strokes(sheet, surface, chalk, seed);
  chalk.length = 0.07f;
  chalk.width = 0.016f;
  chalk.only_above = 0.45f;
  paint_strokes(sheet, surface, chalk, seed + 1);
  for (int y = 0; y < n; ++y)
    for (int x = 0; x < n; ++x) {
      const float bare = clamp01(1.2f * grain_at(x, y, seed) - 0.12f);
      Colour& c = surface.at(x, y);
      c = mix(lighter(c, 0.07f), ground, 0.75f * bare);
    }
}

void paint_charcoal(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed) {
  const int n = sheet.size();
  const float* table = noise_table();
  const Colour paper = mix(palette.paper, palette.second, 0.12f);
  const Colour coal = mix(palette.dark, hex(0x1a1614), 0.6f);
  const std::vector<float> lines = contours(sheet, 0.012f), tones = stretched_tones(sheet);
  const float turns = unit(hashed(4, 4, seed)), ox = unit(hashed(3, 3, seed)) * 8;
  const Point across{cosine(turns), sine(turns)};
  for (int y = 0; y < n; ++y)
    for (int x = 0; x < n; ++x) {
      const size_t at = static_cast<size_t>(y * n + x);
      const Sheet::Cell& cell = sheet.cells[at];
      const float u = static_cast<float>(x) / static_cast<float>(n),
                  v = static_cast<float>(y) / static_cast<float>(n);
      // Smudged tone, the side of the stick dragged over it, and lines pressed now more, now less.
      const float drag = noise(table, (u * across.x + v * across.y) * 9 + ox,
                               (v * across.x - u * across.y) * 0.9f);
      const float press = clamp01(0.75f + noise(table, u * 1.4f + ox, v * 1.4f));
      const float tone = clamp01(0.95f - 1.1f * tones[at]);
      const float grain = grain_at(x, y, seed);
      const float cover = clamp01(tone * (0.85f + 0.45f * drag + 0.5f * grain) +
                                  lines[at] * press * (0.8f + 0.5f * grain));
      Colour c = mix(paper, coal, cover * 0.93f);
      // One colour of chalk where the composition is at its most colourful.
      const float chroma = maximum(maximum(cell.colour.r, cell.colour.g), cell.colour.b) -
                           minimum(minimum(cell.colour.r, cell.colour.g), cell.colour.b);
      if (luma(cell.colour) > 0.3f)
        c = mix(c, cell.colour, clamp01(chroma * 1.6f - 0.75f) * (0.8f + 0.4f * grain));
      surface.colours[at] = c;
    }
}

void paint_ink(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed) {
  const int n = sheet.size();
  const float* table = noise_table();
  const Surface wash = wandering(sheet, 0.012f, seed);
  const Surface wet = blurred(wash, n / 40 > 1 ? n / 40 : 1);
  const std::vector<float> lines = contours(sheet, 0.013f), tones = stretched_tones(sheet);
  const Colour paper = lighter(palette.paper, 0.2f), ink = mix(palette.dark, hex(0x14161c), 0.7f);
  for (int y = 0; y < n; ++y)
    for (int x = 0; x < n; ++x) {
      const size_t at = static_cast<size_t>(y * n + x);
      const float u = static_cast<float>(x) / static_cast<float>(n),
                  v = static_cast<float>(y) / static_cast<float>(n);
      const float pool = noise(table, u * 1.2f, v * 1.2f + 2);
      const float tone =
          clamp01(1.0f - (0.6f * tones[at] + 0.4f * luma(wet.at(x, y))) * 1.25f + 0.12f * pool);
      const float dry = clamp01(0.5f + pool);
      float cover = tone * tone * 0.9f + 0.06f * grain_at(x, y, seed);
      cover = maximum(cover, lines[at] * (0.55f + 0.4f * dry));
      Colour c = mix(paper, ink, clamp01(cover));
      const Colour hue = wash.at(x, y);
      if (hue.r - hue.g > 0.28f && hue.r > 0.5f) c = mix(c, hue, 0.75f);  // the red of a seal
      surface.colours[at] = c;
    }
}

}  // namespace vernissage::training
