// The smallest things a gallery can be made of, for tests that need one.
#pragma once

#include <filesystem>

#include "engine/formats/network.h"

namespace vernissage::testing {

/// A directory of its own under the system's temporary one, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// A complete network of few channels and random weights: paints in milliseconds, a different
/// picture for every latent and class. The same arguments give the same network.
Network tiny_network(int resolution, int classes = 0);

}  // namespace vernissage::testing
