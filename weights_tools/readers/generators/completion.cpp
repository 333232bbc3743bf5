#include "weights_tools/readers/generators/completion.h"

#include "weights_tools/readers/generators/mean_w.h"
#include "weights_tools/readers/generators/normal.h"

namespace vernissage {
namespace {

constexpr const char* kCentre = "mapping.w_avg";
constexpr const char* kNoiseConst = ".noise_const";

std::vector<float> noise_map(size_t count, uint32_t seed) {
  NormalStream normal(seed);
  std::vector<float> values(count);
  for (float& value : values) value = normal.next();
  return values;
}

}  // namespace

bool has_any(const NetworkBuilder& builder, const NetworkConfig& config, const std::string& end) {
  NetworkConfig with_noise = config;
  with_noise.use_noise = true;
  for (const ParameterSpec& spec : parameters(with_noise)) {
    if (spec.name.ends_with(end) && builder.has(spec.name)) return true;
  }
  return false;
}

void complete_noise(NetworkBuilder& builder, const NetworkConfig& config, Checkpoint& checkpoint) {
  if (!config.use_noise || has_any(builder, config, kNoiseConst)) return;
  uint32_t seed = 0;
  for (const ParameterSpec& spec : parameters(config)) {
    if (!spec.name.ends_with(kNoiseConst)) continue;
    const auto count = static_cast<size_t>(element_count(spec.shape));
    builder.add(spec.name,
                {spec.shape, DType::f32, 0, [count, seed] { return noise_map(count, seed); }});
    ++seed;
  }
  checkpoint.notes.emplace_back(
      "the file has no noise maps: those of noise mode const are made from fixed seeds; the "
      "network's own code draws new ones for every picture");
  checkpoint.metadata["noise_const"] =
      "standard normal, map i from seed i; the checkpoint has none";
}

void build_completed(NetworkBuilder& builder, const NetworkConfig& config, const std::string& why,
                     Checkpoint& checkpoint) {
  const bool estimated = !builder.has(kCentre);
  if (estimated) {
    builder.add(kCentre, {{config.w_dim}, DType::f32, 0, [width = config.w_dim] {
                            return std::vector<float>(static_cast<size_t>(width));
                          }});
  }
  checkpoint.network = builder.build(config);
  checkpoint.stored = builder.stored();
  if (checkpoint.metadata.contains("noise_const")) {
    std::erase_if(checkpoint.stored,
                  [](const auto& entry) { return entry.first.ends_with(kNoiseConst); });
  }
  if (!estimated) return;
  checkpoint.network.parameters.at(kCentre).values = mean_w(checkpoint.network);
  checkpoint.stored.erase(kCentre);
  const std::string made = "the mean of " + std::to_string(kMeanLatents) + " mapped latents";
  checkpoint.notes.push_back(why + ": the centre of truncation is " + made);
  checkpoint.metadata["w_avg"] = made + "; the checkpoint has none";
}

}  // namespace vernissage
