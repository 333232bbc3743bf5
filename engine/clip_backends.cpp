// Which machines this build runs the second network on, and which of them "auto" means: as
// factory.cpp.
#include <algorithm>

#include "base/error.h"
#include "engine/clip/clip_encoder.h"

#ifdef VERNISSAGE_WITH_CPU
#include "engine/cpu/clip/clip.h"
#endif
#ifdef VERNISSAGE_WITH_CUDA
#include "engine/cuda/clip/clip.h"
#endif

namespace vernissage {

namespace {

std::unique_ptr<ClipEncoder> cpu_encoder(const ClipNetwork& network, Precision precision,
                                         int threads, int batch_max) {
  if (precision != Precision::f32)
    throw Error("device cpu: half precision exists on CUDA only; the CPU embeds in f32");
#ifdef VERNISSAGE_WITH_CPU
  return make_cpu_clip_encoder(network, threads, batch_max);
#else
  (void)network, (void)threads, (void)batch_max;
  throw Error("device cpu: this program was built without the CPU backend");
#endif
}

std::unique_ptr<ClipEncoder> cuda_encoder(const ClipNetwork& network, Precision precision,
                                          int batch_max) {
#ifdef VERNISSAGE_WITH_CUDA
  return make_cuda_clip_encoder(network, precision, batch_max);
#else
  (void)network, (void)precision, (void)batch_max;
  throw Error("device cuda: this program was built without the CUDA backend");
#endif
}

bool cuda_is_usable() {
#ifdef VERNISSAGE_WITH_CUDA
  const std::vector<DeviceInfo> devices = list_devices();
  return std::any_of(devices.begin(), devices.end(), [](const DeviceInfo& device) {
    return device.usable && device.name.starts_with("cuda");
  });
#else
  return false;
#endif
}

}  // namespace

std::unique_ptr<ClipEncoder> make_clip_encoder(const ClipNetwork& network,
                                               const std::string& device, Precision precision,
                                               int threads, int batch_max) {
  if (threads < 0)
    throw Error("threads: expected 0 (all cores) or more, got " + std::to_string(threads));
  if (batch_max < 1) throw Error("batch: expected 1 or more, got " + std::to_string(batch_max));
  if (device != "auto" && device != "cpu" && device != "cuda")
    throw Error("device " + device + ": expected auto, cpu or cuda");
  const bool cuda = device == "cuda" || (device == "auto" && cuda_is_usable());
  return cuda ? cuda_encoder(network, precision, batch_max)
              : cpu_encoder(network, precision, threads, batch_max);
}

}  // namespace vernissage
