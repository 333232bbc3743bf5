// --profile: one image, or one layer of it, between cudaProfilerStart and cudaProfilerStop.
#include <cstdio>
#include <memory>
#include <utility>

#include "bench/cuda/annotated_backend.h"
#include "bench/cuda/engine.h"
#include "bench/suites.h"

namespace vernissage::bench {

void profile_cuda(const Options& options) {
  const int batch = options.batch == 0 ? 1 : options.batch;
  auto annotated = std::make_unique<AnnotatedBackend>(make_backend("cuda", Precision::f16, 0));
  AnnotatedBackend& backend = *annotated;
  Generator generator(network(options.size), std::move(annotated), batch);
  std::printf("config-f %d, batch %d: %s\n", options.size, batch,
              generator.backend().describe().c_str());

  // Kernels are loaded, the image recorded, clocks up before the profile begins.
  constexpr int kWarmUps = 20;
  const auto ws = w_plus(generator, batch);
  for (int i = 0; i < kWarmUps; ++i) generator.paint(ws);

  if (options.profile == Options::Profile::replay && options.layer.empty()) {
    backend.profile_replay();
    generator.paint(ws);
    std::printf("profiled: one replay of the recorded image\n");
    return;
  }
  backend.profile_forward(options.layer);
  if (options.layer == "mapping") w_plus(generator, batch);
  generator.paint(ws);
  std::printf("profiled: %s, launch by launch\n",
              options.layer.empty() ? "one image" : options.layer.c_str());
}

}  // namespace vernissage::bench
