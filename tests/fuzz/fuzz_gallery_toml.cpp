// Any bytes as a gallery.toml: refused in words, or read; and what was read is written and read
// again as the same.
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "server/gallery/gallery_config.h"
#include "tests/fuzz/written_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vernissage;
  const fuzz::WrittenFile file(data, size);
  gallery::GalleryConfig config;
  try {
    config = gallery::load_config(file.path());
  } catch (const Error&) {
    return 0;
  }
  if (config.rooms.empty() || !(config.truncation >= 0 && config.truncation <= 1)) std::abort();
  static const std::filesystem::path copy =
      std::filesystem::temp_directory_path() / ("fuzz_gallery_toml." + std::to_string(::getpid()));
  gallery::save_config(copy, config);
  const bool same = gallery::load_config(copy) == config;
  std::filesystem::remove(copy);
  if (!same) std::abort();
  return 0;
}
