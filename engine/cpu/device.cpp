#include "engine/cpu/device.h"

#include <omp.h>

#include <fstream>
#include <oneapi/dnnl/dnnl.hpp>

#include "engine/cpu/backend.h"

namespace vernissage {

namespace cpu {

std::string onednn_version() {
  const dnnl_version_t* version = dnnl::version();
  return std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch);
}

std::string isa_name() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
      return "sse41";
    case dnnl::cpu_isa::avx:
      return "avx";
    case dnnl::cpu_isa::avx2:
      return "avx2";
    case dnnl::cpu_isa::avx2_vnni:
      return "avx2_vnni";
    case dnnl::cpu_isa::avx512_core:
      return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl::cpu_isa::avx512_core_amx:
      return "avx512_core_amx";
    default:
      return "generic";
  }
}

}  // namespace cpu

DeviceInfo cpu_device() {
  std::string model = "unknown processor";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) {
      model = line.substr(line.find(':') + 2);
      break;
    }
  const int threads = omp_get_num_procs();
  return {"cpu",
          model + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads") +
              ", oneDNN " + cpu::onednn_version() + " " + cpu::isa_name(),
          true, ""};
}

}  // namespace vernissage
