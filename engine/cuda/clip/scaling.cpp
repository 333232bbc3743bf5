#include "engine/cuda/clip/scaling.h"

#include <utility>

#include "base/error.h"
#include "engine/clip/bicubic.h"
#include "engine/cuda/arena.h"

namespace vernissage {

void DeviceScaling::prepare(int side, int size, int n_max) {
  if (side == side_ && size == size_ && n_max <= n_max_) return;
  runtime_.synchronize();  // what is enqueued may still read the memory
  side_ = 0;               // until everything is in place
  const BicubicTable table = bicubic_table(side, size, 0, size);
  ArenaPlan plan;
  plan.take(table.first.size(), &first_);
  plan.take(table.count.size(), &count_);
  plan.take(table.weights.size(), &weights_);
  plan.take(static_cast<size_t>(n_max) * static_cast<size_t>(side) * static_cast<size_t>(size) * 3,
            &across_);
  memory_ = plan.allocate("scaling pictures of " + std::to_string(side) + " pixels for CLIP");
  for (const auto& [to, from] : {std::pair{first_, &table.first}, std::pair{count_, &table.count},
                                 std::pair{weights_, &table.weights}})
    runtime_.to_device(to, from->data(), from->size() * sizeof(int32_t));
  runtime_.synchronize();  // the table leaves with this function
  side_ = side;
  size_ = size;
  n_max_ = n_max;
  taps_ = table.taps;
}

void DeviceScaling::run(int n, const uint8_t* x, uint8_t* y) {
  VERNISSAGE_ASSERT(side_ > 0 && n <= n_max_);
  Resample pass;
  pass.first = first_;
  pass.count = count_;
  pass.weights = weights_;
  pass.length = side_;
  pass.size = size_;
  pass.taps = taps_;
  pass.x = x;
  pass.y = across_;
  pass.outer = int64_t{n} * side_;
  pass.inner = 3;
  resample(pass, runtime_.stream());
  pass.x = across_;
  pass.y = y;
  pass.outer = n;
  pass.inner = size_ * 3;
  resample(pass, runtime_.stream());
}

}  // namespace vernissage
