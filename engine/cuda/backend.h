// The CUDA backend: every operation a kernel of our own.
#pragma once

#include <memory>
#include <vector>

#include "engine/backend.h"

namespace vernissage {

/// On the first CUDA device. f16: activations and convolution weights are stored as half, all else
/// float32; sums are float32 in both. Throws Error "no CUDA driver" or "no CUDA device: …" with the
/// driver's reason.
std::unique_ptr<Backend> make_cuda_backend(Precision precision);

/// The CUDA devices of this machine; one unusable entry with the driver's reason when there is
/// none.
std::vector<DeviceInfo> list_cuda_devices();

}  // namespace vernissage
