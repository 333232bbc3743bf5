// Paintings that look alike: near each other in the curator's space, where a gallery was curated,
// or else in w space, the mapping network's plane, in which near points give near pictures.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

namespace vernissage::gallery {

/// Holds the points in memory and nowhere else: they are as secret as the latents. Safe to call
/// from several threads.
class Similar {
 public:
  /// (count, dimensions), row by row; finite. Throws Error when the size is no multiple of count.
  void set_points(std::vector<float> points, size_t count);
  bool has_points() const;

  /// Up to `wanted` of the items that `free` accepts, the nearest to item `index` first, without
  /// the item itself; equals in the order of their indices. Empty without points.
  std::vector<size_t> nearest(size_t index, size_t wanted,
                              const std::function<bool(size_t)>& free) const;

 private:
  std::vector<size_t> ranked(size_t index, std::vector<size_t> candidates, size_t reach) const;

  mutable std::mutex mutex_;  // guards all
  std::vector<float> points_;
  size_t count_ = 0;
  mutable std::map<size_t, std::vector<size_t>> near_;  // of those asked about, nearest first
};

}  // namespace vernissage::gallery
