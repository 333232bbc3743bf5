#include "server/curation/prompts.h"

#include <cmath>

#include "base/error.h"

namespace vernissage::curation {
namespace {

constexpr double kLengthMin = 1e-3;  // of a mean of unit vectors; shorter is no direction

void append_mean(const std::vector<float>& sentences, size_t count, const std::string& name,
                 std::vector<float>& out) {
  const size_t width = sentences.size() / count;
  std::vector<double> mean(width, 0.0);
  for (size_t i = 0; i < sentences.size(); ++i) mean[i % width] += sentences[i];
  double square = 0;
  for (double& value : mean) {
    value /= static_cast<double>(count);
    square += value * value;
  }
  const double length = std::sqrt(square);
  if (!(length > kLengthMin)) throw Error("query \"" + name + "\": its sentences cancel out");
  for (const double value : mean) out.push_back(static_cast<float>(value / length));
}

}  // namespace

std::vector<float> embed_queries(const RoomsPlan& plan, const EmbedTexts& embed) {
  std::vector<float> result;
  for (const RoomPlan& room : plan.rooms)
    for (const RoomQuery& query : room.queries) {
      std::vector<std::string> sentences;
      for (const std::string& sentence : room.templates)
        sentences.push_back(filled(sentence, query.text));
      append_mean(embed(sentences), sentences.size(), query.text, result);
    }
  return result;
}

}  // namespace vernissage::curation
