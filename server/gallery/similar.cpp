#include "server/gallery/similar.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "base/error.h"

namespace vernissage::gallery {
namespace {

// Kept for each painting asked about: enough that five of them are free until nearly all of its
// surroundings are taken.
constexpr size_t kReach = 128;

}  // namespace

void Similar::set_points(std::vector<float> points, size_t count) {
  if (count == 0 || points.empty() || points.size() % count != 0)
    throw Error("points in w: " + std::to_string(points.size()) + " numbers for " +
                std::to_string(count) + " paintings");
  const std::lock_guard lock(mutex_);
  points_ = std::move(points);
  count_ = count;
  near_.clear();
}

bool Similar::has_points() const {
  const std::lock_guard lock(mutex_);
  return count_ > 0;
}

std::vector<size_t> Similar::nearest(size_t index, size_t wanted,
                                     const std::function<bool(size_t)>& free) const {
  const std::lock_guard lock(mutex_);
  std::vector<size_t> found;
  if (count_ == 0) return found;
  VERNISSAGE_ASSERT_OP(index, <, count_);
  auto near = near_.find(index);
  if (near == near_.end()) {
    std::vector<size_t> all(count_);
    std::iota(all.begin(), all.end(), size_t{0});
    near = near_.emplace(index, ranked(index, std::move(all), kReach)).first;
  }
  for (const size_t candidate : near->second)
    if (free(candidate) && found.size() < wanted) found.push_back(candidate);
  if (found.size() == wanted || near->second.size() + 1 == count_) return found;
  // All around is taken, so not many are left to measure.
  std::vector<size_t> left;
  for (size_t i = 0; i < count_; ++i)
    if (free(i)) left.push_back(i);
  return ranked(index, std::move(left), wanted);
}

// The nearest of `candidates`, at most `reach` of them, without the item itself.
std::vector<size_t> Similar::ranked(size_t index, std::vector<size_t> candidates,
                                    size_t reach) const {
  const size_t dimensions = points_.size() / count_;
  const float* here = points_.data() + index * dimensions;
  std::erase(candidates, index);
  std::vector<std::pair<float, size_t>> measured;
  for (const size_t candidate : candidates) {
    const float* there = points_.data() + candidate * dimensions;
    float sum = 0;
    for (size_t d = 0; d < dimensions; ++d) sum += (here[d] - there[d]) * (here[d] - there[d]);
    measured.emplace_back(sum, candidate);
  }
  reach = std::min(reach, measured.size());
  std::partial_sort(measured.begin(), measured.begin() + static_cast<std::ptrdiff_t>(reach),
                    measured.end());
  std::vector<size_t> order;
  for (size_t i = 0; i < reach; ++i) order.push_back(measured[i].second);
  return order;
}

}  // namespace vernissage::gallery
