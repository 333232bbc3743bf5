// What a city is built of.
#pragma once

#include "training/dataset/painter/subjects/studio.h"

namespace vernissage::training {

/// Lamps and windows are lit.
bool is_dark(const Facts& facts);
Colour wall_colour(Studio& studio);
/// Panes in rows over a front; lit by chance when it is dark.
void draw_windows(Studio& studio, Box front, int columns, int rows);
/// A front with windows; a gable stands on top of it.
void draw_house(Studio& studio, Box front, bool gable);
void draw_lamp(Studio& studio, Point foot, float height);

}  // namespace vernissage::training
