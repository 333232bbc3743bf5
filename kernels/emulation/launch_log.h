// Which kernels a test program launches, and how: written when the program ends to the file that
// the environment variable VERNISSAGE_LAUNCH_LOG names, one line a kernel:
//   offset of the kernel in the program (0x…), threads a block, bytes of dynamic shared memory
// both the largest that were launched. kernels/resources/table.py reads it.
#pragma once

#include "kernels/emulation/emulation.h"

namespace vernissage::emulation {

void note_launch(const Launch& launch);

}  // namespace vernissage::emulation
