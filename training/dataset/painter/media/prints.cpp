// Pictures of hard areas: prints, mosaics, facets.
#include "training/dataset/painter/media/medium.h"

namespace vernissage::training {
namespace {

struct Tile {
  Point centre;
  float border;  // distance to the border with the next tile, in tiles
  uint32_t hash;
};

/// The tile of a jittered grid that p is in: Voronoi cells, `count` to the side.
Tile tile_at(Point p, float count, uint32_t seed) {
  const float gx = p.x * count, gy = p.y * count;
  const int cx = static_cast<int>(floored(gx)), cy = static_cast<int>(floored(gy));
  float first = 1e9f, second = 1e9f;
  Tile tile{};
  for (int j = -1; j <= 1; ++j)
    for (int i = -1; i <= 1; ++i) {
      const uint32_t h = hashed(static_cast<uint32_t>(cx + i), static_cast<uint32_t>(cy + j), seed);
      const Point at{static_cast<float>(cx + i) + 0.5f + 0.8f * (unit(h) - 0.5f),
                     static_cast<float>(cy + j) + 0.5f + 0.8f * (unit(h * 0x9e3779b9u) - 0.5f)};
      const float d = length(at - Point{gx, gy});
      if (d < first) {
        second = first;
        first = d;
        tile.centre = at * (1 / count);
        tile.hash = h;
      } else if (d < second) {
        second = d;
      }
    }
  tile.border = (second - first) / 2;
  return tile;
}

const Sheet::Cell& cell_at(const Sheet& sheet, Point p) {
  const float side = static_cast<float>(sheet.size());
  const auto inside = [&](float v) {
    return static_cast<int>(minimum(maximum(v * side, 0), side - 1));
  };
  return sheet.cells[static_cast<size_t>(inside(p.y) * sheet.size() + inside(p.x))];
}

Point middle_of(int x, int y, int n) {
  return {(static_cast<float>(x) + 0.5f) / static_cast<float>(n),
          (static_cast<float>(y) + 0.5f) / static_cast<float>(n)};
}

}  // namespace

void lay_in(const Sheet& sheet, Surface& surface) {
  for (size_t i = 0; i < surface.colours.size(); ++i) surface.colours[i] = sheet.cells[i].colour;
}

std::vector<float> stretched_tones(const Sheet& sheet) {
  constexpr int kBins = 64;
  int histogram[kBins] = {};
  std::vector<float> tones(sheet.cells.size());
  for (size_t i = 0; i < tones.size(); ++i) {
    tones[i] = clamp01(luma(sheet.cells[i].colour));
    ++histogram[static_cast<int>(tones[i] * (kBins - 1))];
  }
  const int few = static_cast<int>(tones.size()) / 20;
  int low = 0, high = kBins - 1;
  for (int seen = histogram[0]; seen < few && low < kBins - 1; seen += histogram[++low]) {
  }
  for (int seen = histogram[kBins - 1]; seen < few && high > 0; seen += histogram[--high]) {
  }
  const float black = static_cast<float>(low) / kBins;
  // A composition of nearly one tone stays so: at most three times the contrast.
  const float gain = 1 / maximum(static_cast<float>(high - low + 1) / kBins, 0.33f);
  for (float& tone : tones) tone = clamp01((tone - black) * gain);
  return tones;
}

std::vector<float> contours(const Sheet& sheet, float width) {
  const int n = sheet.size();
  std::vector<float> lines(sheet.cells.size(), 0.0f);
  const float reach = maximum(width * static_cast<float>(n), 1) / 2;
  const int whole = static_cast<int>(reach);
  const float rest = reach - static_cast<float>(whole);
  for (int y = 0; y < n; ++y)
    for (int x = 0; x < n; ++x) {
      const size_t at = static_cast<size_t>(y * n + x);
      const uint32_t shape = sheet.cells[at].shape;
      const bool right = x + 1 < n && sheet.cells[at + 1].shape != shape;
      const bool down = y + 1 < n && sheet.cells[at + static_cast<size_t>(n)].shape != shape;
      if (!right && !down) continue;
      for (int j = -whole - 1; j <= whole + 1; ++j)
        for (int i = -whole - 1; i <= whole + 1; ++i) {
          if (x + i < 0 || y + j < 0 || x + i >= n || y + j >= n) continue;
          const bool core = i >= -whole && i <= whole && j >= -whole && j <= whole;
          float& line = lines[static_cast<size_t>((y + j) * n + x + i)];
          line = maximum(line, core ? 1.0f : rest * 0.7f);
        }
    }
  return lines;
}

void draw_contours(const Sheet& sheet, Surface& surface, Colour ink, float width, float strength) {
  const std::vector<float> lines = contours(sheet, width);
  for (size_t i = 0; i < lines.size(); ++i)
    surface.colours[i] = mix(surface.colours[i], ink, strength * lines[i]);
}

void paint_woodcut(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed) {
  const int n = sheet.size();
  const float* table = noise_table();
  const Colour paper = lighter(palette.paper, 0.1f), ink = mix(palette.dark, hex(0x15120f), 0.5f);
  const std::vector<float> lines = contours(sheet, 0.016f);
  const std::vector<float> tones = stretched_tones(sheet);
  const bool coloured = unit(hashed(5, 5, seed)) < 0.6f;
  for (int y = 0; y < n; ++y)
    for (int x = 0; x < n; ++x) {
      const size_t at = static_cast<size_t>(y * n + x);
      const Sheet::Cell& cell = sheet.cells[at];
      const Point p = middle_of(x, y, n);
      // Gouges follow the forms; the darker the tone, the narrower the gouge.
      const float across = p.y * cell.brush.x - p.x * cell.brush.y;
      const float ridge =
          0.5f + 0.5f * sine(18 * across + 0.35f * noise(table, p.x * 1.5f, p.y * 1.5f));
      const float tone = clamp01(1.05f - 1.35f * tones[at]);
      float cover = clamp01((tone - 0.08f - ridge * 0.84f) * 6 + 0.5f);
      cover = maximum(cover, lines[at]);
      // A second block: the colour in three steps.
      const auto step = [](float v) { return floored(v * 3 + 0.5f) / 3; };
      const Colour block =
          coloured ? mix(paper,
                         saturated({step(cell.colour.r), step(cell.colour.g), step(cell.colour.b)},
                                   0.9f),
                         0.75f)
                   : paper;
      const float worn =
          0.06f * (unit(hashed(static_cast<uint32_t>(x), static_cast<uint32_t>(y), seed)) - 0.5f);
      const Colour c = mix(block, ink, cover * 0.95f);
      surface.colours[at] = {c.r + worn, c.g + worn, c.b + worn};
    }
}

void paint_poster(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed) {
  for (size_t i = 0; i < surface.colours.size(); ++i) {
    const Colour c = sheet.cells[i].colour;
    // Four tones to a colour, kept in its own hue.
    const float y = luma(c), flat_y = (floored(y * 5) + 0.5f) / 5;
    surface.colours[i] = saturated({c.r + flat_y - y, c.g + flat_y - y, c.b + flat_y - y}, 1.15f);
  }
  const uint32_t kind = hashed(6, 6, seed) % 3;
  if (kind == 0) draw_contours(sheet, surface, palette.dark, 0.016f, 0.95f);
  if (kind == 1) draw_contours(sheet, surface, palette.paper, 0.012f, 0.9f);
}

void paint_mosaic(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed) {
  const int n = sheet.size();
  const bool glass = hashed(9, 9, seed) % 2 == 0;
  const float count = glass ? 15.0f : 22.0f;
  const Colour joint =
      glass ? mix(palette.dark, hex(0x08080a), 0.6f) : lighter(palette.far, -0.25f);
  for (int y = 0; y < n; ++y)
    for (int x = 0; x < n; ++x) {
      const Point p = middle_of(x, y, n);
      const Tile tile = tile_at(p, count, seed);
      const float lift = 0.13f * (unit(tile.hash * 0x85ebca6bu) - 0.5f);
      Colour c = mix(cell_at(sheet, tile.centre).colour, cell_at(sheet, p).colour, 0.35f);
      c = saturated({c.r + lift, c.g + lift, c.b + lift}, glass ? 1.35f : 1.05f);
      const float gap =
          clamp01((tile.border - 0.03f) * static_cast<float>(n) / count * 0.9f + 0.15f);
      surface.at(x, y) = mix(joint, c, 0.35f + 0.65f * gap);
    }
  if (glass) draw_contours(sheet, surface, joint, 0.014f, 0.85f);
}

void paint_cubist(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed) {
  const int n = sheet.size();
  // Each facet sees the composition moved, turned and lit in its own way.
  for (int y = 0; y < n; ++y)
    for (int x = 0; x < n; ++x) {
      const Point p = middle_of(x, y, n);
      const Tile tile = tile_at(p, 4.2f, seed);
      const auto chance = [&](uint32_t k) {
        return unit(tile.hash * 0x9e3779b9u + k * 0x7feb352du) - 0.5f;
      };
      const Point moved = tile.centre +
                          rotated(p - tile.centre, 0.05f * chance(1)) * (1 + 0.2f * chance(2)) +
                          Point{0.1f * chance(3), 0.1f * chance(4)};
      Colour c = cell_at(sheet, moved).colour;
      const Point way{chance(5), chance(6)};
      const Point q = p - tile.centre;
      const float light = 3.4f * (q.x * way.x + q.y * way.y) + 0.12f * chance(7);
      c = mix(c, mix(palette.low, palette.far, 0.5f), 0.14f);
      c = {c.r + light, c.g + light, c.b + light};
      const float edge = clamp01(1 - tile.border * static_cast<float>(n) / 4.2f * 0.9f);
      surface.at(x, y) = mix(c, palette.dark, 0.55f * edge);
    }
}

}  // namespace vernissage::training
