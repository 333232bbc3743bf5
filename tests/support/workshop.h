// The programs run as a user runs them: each command a process of its own, in a folder that goes
// away.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace vernissage::testing {

/// The whole file; a test failure when it cannot be read.
std::vector<uint8_t> read_bytes(const std::filesystem::path& path);

/// The values of an .npy file that must be float32 of this shape; anything else is a test failure.
std::vector<float> read_npy(const std::filesystem::path& path, const std::vector<int64_t>& shape);

/// "seed0085.png"
std::string picture_name(int seed, const std::string& format);

using Arguments = std::vector<std::string>;
/// a and then b.
Arguments operator+(Arguments a, const Arguments& b);

struct Result {
  int status = -1;  // exit status; -1: ended by a signal
  std::string out;  // what it wrote to stdout
  std::string err;
};

class Workshop {
 public:
  Workshop();
  Workshop(const Workshop&) = delete;
  ~Workshop();

  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

  /// Runs a program in the folder and waits for its end. Throws Error when it cannot be started.
  Result run(const std::string& program, Arguments arguments) const;
  Result vernissage(const Arguments& arguments) const;

  /// A golden checkpoint ("ada32", "network.pkl"), converted by vernissage-weights: once a
  /// workshop.
  std::string converted(const std::string& model, const std::string& file) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace vernissage::testing
