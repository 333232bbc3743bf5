// Which backends this build has, and which of them "auto" means.
#include "base/error.h"
#include "engine/backend.h"

#ifdef VERNISSAGE_WITH_CPU
#include "engine/cpu/backend.h"
#endif
#ifdef VERNISSAGE_WITH_CUDA
#include "engine/cuda/backend.h"
#endif

namespace vernissage {

namespace {
std::vector<DeviceInfo> cuda_devices() {
#ifdef VERNISSAGE_WITH_CUDA
  return list_cuda_devices();
#else
  return {{"cuda", "", false, "this program was built without the CUDA backend"}};
#endif
}

std::unique_ptr<Backend> cuda_backend(Precision precision) {
#ifdef VERNISSAGE_WITH_CUDA
  return make_cuda_backend(precision);
#else
  (void)precision;
  throw Error("device cuda: this program was built without the CUDA backend");
#endif
}

std::unique_ptr<Backend> cpu_backend(Precision precision, int threads) {
  if (precision != Precision::f32)
    throw Error("device cpu: half precision exists on CUDA only; the CPU paints in f32");
#ifdef VERNISSAGE_WITH_CPU
  return make_cpu_backend(threads);
#else
  (void)threads;
  throw Error("device cpu: this program was built without the CPU backend");
#endif
}
}  // namespace

std::vector<DeviceInfo> list_devices() {
  std::vector<DeviceInfo> devices = cuda_devices();
#ifdef VERNISSAGE_WITH_CPU
  devices.push_back(cpu_device());
#else
  devices.push_back({"cpu", "", false, "this program was built without the CPU backend"});
#endif
  return devices;
}

Precision precision_named(std::string_view name) {
  if (name == "f32") return Precision::f32;
  if (name == "f16") return Precision::f16;
  throw Error("precision " + std::string(name) + ": expected f32 or f16");
}

std::unique_ptr<Backend> make_backend(const std::string& device, Precision precision, int threads) {
  if (threads < 0)
    throw Error("threads: expected 0 (all cores) or more, got " + std::to_string(threads));
  if (device == "cpu") return cpu_backend(precision, threads);
  if (device == "cuda") return cuda_backend(precision);
  if (device != "auto") throw Error("device " + device + ": expected auto, cpu or cuda");
  for (const DeviceInfo& cuda : cuda_devices())
    if (cuda.usable) return cuda_backend(precision);
  return cpu_backend(precision, threads);
}

}  // namespace vernissage
