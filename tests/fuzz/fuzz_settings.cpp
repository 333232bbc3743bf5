// Any bytes as a vernissage.toml: refused in words, or in force and within their limits; and what
// `vernissage config` prints of it is a vernissage.toml that says the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "server/config/settings.h"
#include "tests/fuzz/written_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vernissage;
  const auto read = [](const std::filesystem::path& path) {
    return config::resolve({{}, [](const char*) -> const char* { return nullptr; }, path}).settings;
  };
  const fuzz::WrittenFile file(data, size);
  config::Settings settings;
  try {
    settings = read(file.path());
  } catch (const Error&) {
    return 0;
  }
  config::InForce in_force{settings, {}};
  for (const config::Setting& setting : config::settings_table())
    in_force.origins[std::string(setting.name)] = "here";
  const std::string text = config::to_toml(in_force);
  const fuzz::WrittenFile copy(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  const config::Settings again = read(copy.path());
  for (const config::Setting& setting : config::settings_table())
    if (config::value_text(setting, again) != config::value_text(setting, settings)) std::abort();
  return 0;
}
