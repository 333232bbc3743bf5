// What the render queue needs of a painter, so that its tests need no network.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/images.h"

namespace vernissage::render {

/// Lives on the render thread alone.
class Painter {
 public:
  virtual ~Painter() = default;

  /// One line for users: what paints, on what.
  virtual std::string describe() const = 0;
  virtual int batch_max() const = 0;  // ≥ 1
  /// Full-size pictures of 1 … batch_max candidates, in their order. Throws when the machine fails,
  /// after which nothing more is asked of it.
  virtual std::vector<Image> paint(const std::vector<uint64_t>& candidates) = 0;
};

}  // namespace vernissage::render
