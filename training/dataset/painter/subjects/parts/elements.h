// Things that several subjects share.
#pragma once

#include "training/dataset/painter/subjects/studio.h"

namespace vernissage::training {

/// A sky down to `horizon`, with the facts' sun or moon, clouds by chance.
void draw_sky(Studio& studio, float horizon);
/// A ground behind people: two tones and what chance hangs there.
void draw_backdrop(Studio& studio);
void draw_stars(Studio& studio, float down_to, int count);
void draw_birds(Studio& studio, float from_y, float to_y, int count);
/// A tree on its foot; `bare`: branches only.
void draw_tree(Studio& studio, Point foot, float height, Colour crown, bool bare);
void draw_conifer(Studio& studio, Point foot, float height, Colour crown);
void draw_flower(Studio& studio, Point centre, float radius, Colour petals, Colour heart);
/// Small blossoms all over a strip, larger towards `to_y`.
void draw_flowers(Studio& studio, float from_y, float to_y, int count);
void draw_sail_boat(Studio& studio, Point waterline, float length, Colour sail);
/// Still water below `shore`, with the sun's or moon's path on it.
void draw_water(Studio& studio, float shore, float to);
/// The sun's or moon's place in the sky, the same for sky and water.
Point light_place(const Facts& facts);
Colour any_bright(Studio& studio);

}  // namespace vernissage::training
