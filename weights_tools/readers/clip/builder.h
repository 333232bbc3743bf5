// From the named tensors of a CLIP checkpoint, of either family of names, to a complete network.
// All sizes follow from the shapes; what a configuration file states beside them must agree.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "engine/clip/clip_network.h"
#include "weights_tools/readers/clip/names.h"
#include "weights_tools/readers/generators/network_builder.h"

namespace vernissage {

/// A head of the original release, and of OpenCLIP unless it says otherwise, is this wide.
constexpr int kClipHeadWidth = 64;

class ClipBuilder {
 public:
  /// `file_bytes` as for NetworkBuilder. Throws Error as canonical_clip_tensors().
  ClipBuilder(NamedSources tensors, uint64_t file_bytes);

  /// Tensors that belong to no tower and were left out.
  const std::vector<std::string>& unread() const { return unread_; }

  /// The configuration as far as shapes say it: without heads, activations, source and the numbers
  /// of preprocessing. Throws Error naming a tensor that is missing or has no layer's shape.
  ClipConfig shapes() const;

  /// The network, checked, with no merges yet. Throws Error.
  ClipNetwork build(const ClipConfig& config);
  /// How the tensors that build() took are stored, by canonical name.
  const std::map<std::string, DType>& stored() const { return builder_.stored(); }

 private:
  ClipTower tower(const std::string& prefix, int width) const;

  NetworkBuilder builder_;
  std::vector<std::string> unread_;
};

/// width / kClipHeadWidth. Throws Error naming `tower` and --heads when it does not divide.
int published_heads(const std::string& tower, int width);

}  // namespace vernissage
