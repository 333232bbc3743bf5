// The CPU backend: float32 on oneDNN, every sample on its own.
#pragma once

#include <memory>

#include "engine/backend.h"

namespace vernissage {

/// threads 0: all cores this process may use.
std::unique_ptr<Backend> make_cpu_backend(int threads);

/// This machine's processor, for list_devices().
DeviceInfo cpu_device();

}  // namespace vernissage
