// The networks at work for the curator: what paints candidates and what looks at them.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "server/curation/candidates/embedding_run.h"
#include "server/curation/prompts.h"
#include "server/gallery/secret.h"
#include "server/images/images.h"

namespace vernissage::curation {

/// Tests put others in their place.
struct CurationNetworks {
  std::string description;  // one line for users: what paints and looks, on what
  int resolution = 0;       // R
  bool untrained = false;   // random weights
  int width = 0;            // E
  Stages stages;
  EmbedTexts embed_texts;
  /// Full-size pictures of these candidates, as the gallery's server will paint them. From one
  /// thread, and not while `stages` are in use.
  std::function<std::vector<Image>(std::span<const uint64_t> candidates)> paint;
  int paint_batch = 1;
  bool on_device = false;  // painting leaves the CPU free
};

struct CurationNetworkOptions {
  std::filesystem::path generator, curator;
  float truncation = 0.7f;
  std::string device = "auto";
  std::string precision = "f32";  // of both networks; "f16" on CUDA only
  int threads = 0;                // of the CPU, for both networks together; 0: all cores
  int batch = 0;                  // candidates at once; 0: by the device and the resolution
};

/// Loads both networks. Throws Error naming the file that does not fit: not a generator, not a
/// curator, one without a tokenizer, pictures too small for a gallery.
std::unique_ptr<CurationNetworks> load_curation_networks(const CurationNetworkOptions& options,
                                                         const gallery::GalleryKey& key);

}  // namespace vernissage::curation
