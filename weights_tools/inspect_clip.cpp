#include "weights_tools/inspect_clip.h"

#include <cstdio>
#include <utility>

#include "base/json.h"
#include "engine/formats/metadata.h"

namespace vernissage {

namespace {

/// Counts of parameters by what they are for; the first is the total.
std::vector<std::pair<std::string, int64_t>> counts(const ClipConfig& config) {
  int64_t total = 0, vision = 0, words = 0;
  for (const ParameterSpec& spec : parameters(config)) {
    const int64_t count = element_count(spec.shape);
    total += count;
    if (spec.name.starts_with("visual.")) vision += count;
    if (spec.name == "token_embedding.weight") words += count;
  }
  return {{"total", total},
          {"image_tower", vision},
          {"text_tower", total - vision - words},
          {"token_embedding", words}};
}

/// Blocks of a tower over so many tokens: q, k, v and output, scores and their use, the MLP.
double block_macs(const ClipTower& tower, double tokens) {
  const double width = tower.width;
  return tower.layers * tokens *
         (4 * width * width + 2 * tokens * width + 2 * width * tower.mlp_width);
}

std::string towers(const ClipTower& tower) {
  char text[200];
  std::snprintf(text, sizeof text, "%d wide, %d layers, %d heads, MLP %d, %s", tower.width,
                tower.layers, tower.heads, tower.mlp_width, clip_activation_name(tower.activation));
  return text;
}

std::string tower_json(const ClipTower& tower) {
  return "{\"width\":" + number_text(tower.width) + ",\"layers\":" + number_text(tower.layers) +
         ",\"heads\":" + number_text(tower.heads) +
         ",\"mlp_width\":" + number_text(tower.mlp_width) +
         ",\"activation\":" + json_quote(clip_activation_name(tower.activation)) + "}";
}

}  // namespace

ClipCosts clip_costs(const ClipConfig& config) {
  const double patches = config.image_tokens() - 1, patch = config.patch_size;
  ClipCosts costs;
  costs.picture = patches * config.vision.width * 3 * patch * patch +
                  block_macs(config.vision, config.image_tokens()) +
                  double{1} * config.vision.width * config.embedding;
  costs.text =
      block_macs(config.text, config.context) + double{1} * config.text.width * config.embedding;
  return costs;
}

std::string clip_one_line(const ClipNetwork& network) {
  const ClipConfig& config = network.config;
  char text[250];
  std::snprintf(text, sizeof text,
                "ViT %d/%d, towers %d x %d and %d x %d, %d wide, %s, %.2f M parameters, %.2f GMAC "
                "a picture, %s",
                config.image_size, config.patch_size, config.vision.width, config.vision.layers,
                config.text.width, config.text.layers, config.embedding,
                clip_activation_name(config.vision.activation),
                static_cast<double>(counts(config)[0].second) / 1e6,
                clip_costs(config).picture / 1e9,
                network.has_tokenizer() ? "with its tokenizer" : "without a tokenizer");
  return text;
}

std::string clip_text(const ClipConfig& config, size_t merges) {
  const auto line = [](const char* label, const std::string& value) {
    char start[40];
    std::snprintf(start, sizeof start, "  %-16s ", label);
    return start + value + "\n";
  };
  const auto giga = [](double macs) {
    char text[40];
    std::snprintf(text, sizeof text, macs < 1e8 ? "%.4f" : "%.2f", macs / 1e9);
    return std::string(text);
  };
  std::string sums;
  for (const auto& [part, count] : counts(config))
    sums +=
        part == "total" ? number_text(count) + " in all:" : " " + part + " " + number_text(count);
  const ClipCosts costs = clip_costs(config);
  return line("source", config.source) +
         line("picture", number_text(config.image_size) + " x " + number_text(config.image_size) +
                             " in patches of " + number_text(config.patch_size) + ", " +
                             number_text(config.image_tokens()) + " tokens") +
         line("image tower", towers(config.vision)) + line("text tower", towers(config.text)) +
         line("embedding", number_text(config.embedding) + " numbers") +
         line("texts", "vocabulary " + number_text(config.vocabulary) + ", at most " +
                           number_text(config.context) + " tokens") +
         line("tokenizer", merges > 0 ? number_text(merges) + " merges" : "none") +
         line("layer norm", "eps " + number_text(config.layer_norm_eps)) +
         line("pixels",
              "mean " + list_text(config.mean) + "; std_dev " + list_text(config.std_dev)) +
         line("parameters", sums) +
         line("cost", giga(costs.picture) + " GMAC a picture, " + giga(costs.text) +
                          " GMAC a text of full length");
}

std::string clip_json(const ClipConfig& c, size_t merges) {
  const ClipCosts costs = clip_costs(c);
  std::string sums;
  for (const auto& [part, count] : counts(c))
    sums.append(sums.empty() ? "" : ",").append(json_quote(part) + ":" + number_text(count));
  return "\"network\":{\"kind\":\"clip\",\"source\":" + json_quote(c.source) +
         ",\"image_size\":" + number_text(c.image_size) +
         ",\"patch_size\":" + number_text(c.patch_size) + ",\"vision\":" + tower_json(c.vision) +
         ",\"text\":" + tower_json(c.text) + ",\"embedding\":" + number_text(c.embedding) +
         ",\"vocabulary\":" + number_text(c.vocabulary) + ",\"context\":" + number_text(c.context) +
         ",\"merges\":" + number_text(merges) +
         ",\"layer_norm_eps\":" + number_text(c.layer_norm_eps) + ",\"mean\":[" +
         list_text(c.mean) + "],\"std_dev\":[" + list_text(c.std_dev) + "]},\"parameters\":{" +
         sums + "},\"macs\":{\"picture\":" + number_text(costs.picture) +
         ",\"text\":" + number_text(costs.text) + "}";
}

}  // namespace vernissage
