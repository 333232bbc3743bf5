// paint NETWORK.safetensors SEED >picture.ppm: the smallest program that uses the installed engine.
#include <engine/engine.h>

#include <cstdlib>
#include <iostream>

int main(int, char** arguments) try {
  using namespace vernissage;
  const Network network = load_network(arguments[1]);
  Generator generator(network, make_backend("auto", Precision::f32, 0), 1);
  const auto& config = generator.config();
  const auto w = generator.map(z_from_seed(std::strtoul(arguments[2], nullptr, 10), config.z_dim));
  const auto rgb =
      generator.paint(broadcast_truncated(w, generator.w_avg(), config.num_ws(), 0.7f, {}));
  std::cout << "P6\n" << config.resolution << ' ' << config.resolution << "\n255\n";
  std::cout.write(reinterpret_cast<const char*>(rgb.data()), rgb.size());
} catch (const std::exception& error) {
  std::cerr << "paint: " << error.what() << '\n';
  return 1;
}
