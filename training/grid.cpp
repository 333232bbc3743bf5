#include "training/grid.h"

#include <algorithm>

namespace vernissage::training {

Grid::Grid(int grid_columns, int grid_rows, int picture_size)
    : columns(grid_columns), rows(grid_rows), size(picture_size) {
  rgb.assign(static_cast<size_t>(width()) * static_cast<size_t>(height()) * 3, 255);
}

void Grid::put(int index, std::span<const uint8_t> picture) {
  const int left = gap + index % columns * (size + gap), top = gap + index / columns * (size + gap);
  const auto line = static_cast<size_t>(size) * 3;
  for (int y = 0; y < size; ++y)
    std::copy_n(picture.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(y) * line), line,
                rgb.begin() + (static_cast<ptrdiff_t>(top + y) * width() + left) * 3);
}

}  // namespace vernissage::training
