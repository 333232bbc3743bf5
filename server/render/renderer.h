// What the render queue needs of a renderer, so that its tests need no network.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/images/images.h"

namespace vernissage::render {

/// What there is to paint. Only a painting has its own keyed noise; an interpolation and a print
/// have one that everybody may know, so however many of their frames are collected, nothing is
/// learnt of a painting's own.
struct RenderSpec {
  enum class Kind {
    painting,       // candidate `first`, as its owner gets it
    interpolation,  // between candidates `first` and `second`, `along` of the way
    print,          // number `first` of the studio: a public seed, never a gallery latent
  };
  Kind kind = Kind::painting;
  uint64_t first = 0;
  uint64_t second = 0;
  float along = 0;  // 0 … 1

  static RenderSpec painting(uint64_t candidate) { return {Kind::painting, candidate, 0, 0}; }
  static RenderSpec interpolation(uint64_t from, uint64_t to, float along) {
    return {Kind::interpolation, from, to, along};
  }
  static RenderSpec print(uint32_t number) { return {Kind::print, number, 0, 0}; }

  bool operator==(const RenderSpec&) const = default;
};

/// Lives on the render thread alone.
class Renderer {
 public:
  virtual ~Renderer() = default;

  /// One line for users: what paints, on what.
  virtual std::string describe() const = 0;
  virtual int batch_max() const = 0;  // ≥ 1
  /// Full-size pictures of 1 … batch_max specs, in their order. Throws when the machine fails,
  /// after which nothing more is asked of it.
  virtual std::vector<Image> paint(const std::vector<RenderSpec>& specs) = 0;
};

}  // namespace vernissage::render
