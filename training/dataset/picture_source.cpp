#include "training/dataset/picture_source.h"

#include <cstring>

namespace vernissage::training {

PictureSource::PictureSource(PaintPicture paint, int size, uint64_t first, int threads, int ahead)
    : paint_(std::move(paint)),
      size_(size),
      ahead_(uint64_t(ahead)),
      begun_(first),
      taken_(first),
      pixels_(size_t(ahead) * size_t(size) * size_t(size) * 3),
      is_ready_(size_t(ahead)) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

PictureSource::~PictureSource() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  room_.notify_all();
}

void PictureSource::work() {
  const size_t bytes = pixels_.size() / ahead_;
  std::unique_lock lock(mutex_);
  while (true) {
    room_.wait(lock, [&] { return stopping_ || begun_ - taken_ < ahead_; });
    if (stopping_) return;
    const uint64_t index = begun_++, slot = index % ahead_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      paint_(index, std::span(pixels_).subspan(slot * bytes, bytes));
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    is_ready_[slot] = 1;
    if (failure) failure_ = failure;
    ready_.notify_one();
  }
}

at::Tensor PictureSource::next(int n) {
  const auto batch = at::empty({n, size_, size_, 3}, at::kByte);
  const size_t bytes = pixels_.size() / ahead_;
  for (int i = 0; i < n; ++i) {
    std::unique_lock lock(mutex_);
    const uint64_t slot = taken_ % ahead_;
    ready_.wait(lock, [&] { return failure_ || is_ready_[slot]; });
    if (failure_) std::rethrow_exception(failure_);
    std::memcpy(batch.data_ptr<uint8_t>() + size_t(i) * bytes, &pixels_[slot * bytes], bytes);
    is_ready_[slot] = 0;
    ++taken_;
    room_.notify_one();
  }
  return batch;
}

}  // namespace vernissage::training
