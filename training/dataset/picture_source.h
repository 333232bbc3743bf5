// Training pictures in their order, painted ahead on threads of their own.
#pragma once

#include <ATen/ATen.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace vernissage::training {

/// Paints picture `index` into (size, size, 3) bytes; called from several threads at once.
using PaintPicture = std::function<void(uint64_t index, std::span<uint8_t> rgb)>;

/// What next() gives depends on the position alone, not on threads or time. next() is for one
/// thread.
class PictureSource {
 public:
  /// Begins at picture `first`; at most `ahead` pictures are painted before they are asked for.
  PictureSource(PaintPicture paint, int size, uint64_t first, int threads, int ahead);
  PictureSource(PictureSource&&) = delete;
  ~PictureSource();

  /// The next n pictures, (n, size, size, 3) bytes. Throws what the painter threw.
  at::Tensor next(int n);

 private:
  void work();

  const PaintPicture paint_;
  const int size_;
  const uint64_t ahead_;
  std::mutex mutex_;  // guards all below
  std::condition_variable room_, ready_;
  uint64_t begun_, taken_;       // pictures; begun_ - taken_ ≤ ahead_
  std::vector<uint8_t> pixels_;  // picture i lies in slot i % ahead_
  std::vector<char> is_ready_;   // by slot
  std::exception_ptr failure_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace vernissage::training
