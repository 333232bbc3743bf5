// Where the golden data lies: tests/golden in the source tree (what a clone has), and, when it is
// there, the full set beside the checkout (../shared/golden) or at $VERNISSAGE_GOLDEN.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace vernissage::testing {

/// tests/golden/<path>, or the same path in the full set. Empty when neither has it.
std::optional<std::filesystem::path> find_golden(const std::string& path);

/// The same, for data that is committed: throws Error naming the path when it is missing.
std::filesystem::path golden(const std::string& path);

/// Names of the entries of a golden folder, both sets together, sorted.
std::vector<std::string> golden_entries(const std::string& folder);

}  // namespace vernissage::testing
