// A CLIP network's share of an inspection: what it is and what it costs.
#pragma once

#include <string>
#include <vector>

#include "engine/clip/clip_network.h"

namespace vernissage {

/// Multiply-accumulates of one picture and of one text of full length.
struct ClipCosts {
  double picture = 0;
  double text = 0;
};
ClipCosts clip_costs(const ClipConfig& config);

/// "ViT 224/32, towers 768 x 12 and 512 x 12, 512 wide, quick_gelu, 151.28 M parameters, 4.41 GMAC
/// a picture"
std::string clip_one_line(const ClipNetwork& network);

/// Lines for people; members of a JSON object, from "network" to "macs", for machines.
std::string clip_text(const ClipConfig& config, size_t merges);
std::string clip_json(const ClipConfig& config, size_t merges);

}  // namespace vernissage
