// What the render queue needs of a painter, so that its tests need no network.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/images/images.h"

namespace vernissage::render {

/// What there is to paint. Only a painting has its own keyed noise; a passage and a print have one
/// that everybody may know, so however many of their frames are collected, nothing is learnt of a
/// painting's own.
struct Subject {
  enum class Kind {
    painting,  // candidate `first`, as its owner gets it
    passage,   // between candidates `first` and `second`, `along` of the way
    print,     // number `first` of the studio: a public seed, never a gallery latent
  };
  Kind kind = Kind::painting;
  uint64_t first = 0;
  uint64_t second = 0;
  float along = 0;  // 0 … 1

  static Subject painting(uint64_t candidate) { return {Kind::painting, candidate, 0, 0}; }
  static Subject passage(uint64_t from, uint64_t to, float along) {
    return {Kind::passage, from, to, along};
  }
  static Subject print(uint32_t number) { return {Kind::print, number, 0, 0}; }

  bool operator==(const Subject&) const = default;
};

/// Lives on the render thread alone.
class Painter {
 public:
  virtual ~Painter() = default;

  /// One line for users: what paints, on what.
  virtual std::string describe() const = 0;
  virtual int batch_max() const = 0;  // ≥ 1
  /// Full-size pictures of 1 … batch_max subjects, in their order. Throws when the machine fails,
  /// after which nothing more is asked of it.
  virtual std::vector<Image> paint(const std::vector<Subject>& subjects) = 0;
};

}  // namespace vernissage::render
