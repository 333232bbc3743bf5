// Queries as points in the curator's space.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/curation/rooms.h"

namespace vernissage::curation {

/// Texts → their unit embeddings, one after the other.
using EmbedTexts = std::function<std::vector<float>(const std::vector<std::string>&)>;

/// (queries of all rooms in their order, E), of length 1: each query is put into every template of
/// its room, the embeddings are averaged and made of length 1 again (prompt ensembling; Radford et
/// al. 2021, section 3.1.4). Throws Error naming a query whose sentences cancel out.
std::vector<float> embed_queries(const RoomsPlan& plan, const EmbedTexts& embed);

}  // namespace vernissage::curation
