// Many pictures on one sheet, to be looked at.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vernissage::training {

struct Grid {
  int columns = 1, rows = 1;
  int size = 0;              // of one picture
  int gap = 2;               // white pixels between and around
  std::vector<uint8_t> rgb;  // (height(), width(), 3)

  Grid(int columns, int rows, int size);
  int width() const { return gap + columns * (size + gap); }
  int height() const { return gap + rows * (size + gap); }
  /// Puts a picture of (size, size, 3) into place `index`, rows first.
  void put(int index, std::span<const uint8_t> picture);
};

}  // namespace vernissage::training
