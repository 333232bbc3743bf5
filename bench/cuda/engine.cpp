#include "bench/cuda/engine.h"

#include <map>
#include <utility>

#include "bench/cuda/support.h"
#include "tests/support/big_network.h"

namespace vernissage::bench {

const Network& network(int size) {
  static std::map<int, Network> built;
  auto found = built.find(size);
  if (found == built.end())
    found = built.emplace(size, testing::big_network(size == 256 ? "f256" : "f1024")).first;
  return found->second;
}

std::vector<float> latents(int n, int z_dim) {
  std::vector<float> z;
  for (int seed = 0; seed < n; ++seed) {
    const auto one = z_from_seed(uint32_t(seed), z_dim);
    z.insert(z.end(), one.begin(), one.end());
  }
  return z;
}

std::vector<float> w_plus(Generator& generator, int n) {
  const auto w = generator.map(latents(n, generator.config().z_dim));
  return broadcast_truncated(w, generator.w_avg(), generator.config().num_ws(), 1.0f, {});
}

double TimedGenerator::seconds(const std::vector<float>& ws) {
  generator->paint(ws);  // records the graph
  backend->set_repeats(3);
  generator->paint(ws);
  backend->set_repeats(calls_for(backend->last_run_s()));
  generator->paint(ws);
  const double result_s = backend->last_run_s();
  backend->set_repeats(1);
  return result_s;
}

TimedGenerator make_timed_generator(int size, int batch_max) {
  auto backend =
      std::make_unique<TimedBackend>(make_backend("cuda", Precision::f16, 0), wait_for_device);
  TimedGenerator made;
  made.backend = backend.get();
  made.generator = std::make_unique<Generator>(network(size), std::move(backend), batch_max);
  return made;
}

}  // namespace vernissage::bench
