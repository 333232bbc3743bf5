// What a subject is composed with, and the subjects: each lays its composition out on the sheet.
#pragma once

#include "weights_tools/atelier/painter/facts.h"
#include "weights_tools/atelier/painter/sheet/palette.h"
#include "weights_tools/atelier/painter/sheet/random.h"
#include "weights_tools/atelier/painter/sheet/sheet.h"

namespace vernissage::atelier {

struct Studio {
  Sheet& sheet;
  const Palette& palette;
  const Facts& facts;
  Random& random;
};

void compose_people(Studio& studio);     // people.cpp
void compose_nature(Studio& studio);     // nature.cpp
void compose_plants(Studio& studio);     // plants.cpp, of nature
void compose_city(Studio& studio);       // city.cpp
void compose_waterside(Studio& studio);  // waterside.cpp, of the city
void compose_mood(Studio& studio);       // mood.cpp

}  // namespace vernissage::atelier
