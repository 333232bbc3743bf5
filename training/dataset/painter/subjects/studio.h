// What a subject is composed with, and the subjects: each lays its composition out on the sheet.
#pragma once

#include "training/dataset/painter/facts.h"
#include "training/dataset/painter/sheet/palette.h"
#include "training/dataset/painter/sheet/random.h"
#include "training/dataset/painter/sheet/sheet.h"

namespace vernissage::training {

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

}  // namespace vernissage::training
