#include "tests/support/golden_data.h"

#include <cstdlib>
#include <set>

#include "base/error.h"

namespace vernissage::testing {
namespace fs = std::filesystem;

namespace {
std::vector<fs::path> roots() {
  const fs::path source = VERNISSAGE_SOURCE_DIR;
  std::vector<fs::path> all = {source / "tests/golden"};
  if (const char* more = std::getenv("VERNISSAGE_GOLDEN")) all.emplace_back(more);
  all.push_back(source.parent_path() / "shared/golden");
  return all;
}
}  // namespace

std::optional<fs::path> find_golden(const std::string& path) {
  for (const fs::path& root : roots())
    if (fs::exists(root / path)) return root / path;
  return std::nullopt;
}

fs::path golden(const std::string& path) {
  if (auto found = find_golden(path)) return *found;
  throw Error("golden data " + path +
              " is in none of tests/golden, $VERNISSAGE_GOLDEN, ../shared/golden");
}

std::vector<std::string> golden_entries(const std::string& folder) {
  std::set<std::string> names;
  for (const fs::path& root : roots())
    if (fs::is_directory(root / folder))
      for (const auto& entry : fs::directory_iterator(root / folder))
        names.insert(entry.path().filename());
  return {names.begin(), names.end()};
}

}  // namespace vernissage::testing
