// How the emulation names threads and places in its reports.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/emulation/place.h"

namespace vernissage::emulation {

/// "file.cu:17".
std::string text(const Place& where);
/// "thread (3,0,0)": of the block that is running, by its position in it.
std::string thread_name(int thread);
/// "; block (0,2,0) of void some_kernel(…)": the end of every report.
std::string in_kernel(const Place& where);

}  // namespace vernissage::emulation
