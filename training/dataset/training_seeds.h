// Which of the painter's pictures the curator is trained on.
#pragma once

#include <cstdint>

namespace vernissage::training {

/// Pictures that are trained on have seeds from here up; those below are for judging.
inline constexpr uint64_t kTrainingSeeds = uint64_t{1} << 40;

}  // namespace vernissage::training
