#include "tests/support/workshop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "tests/support/golden_data.h"

namespace vernissage::testing {

namespace fs = std::filesystem;

namespace {

std::string read_text(const fs::path& path) {
  const std::vector<uint8_t> bytes = read_bytes(path);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::vector<uint8_t> read_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<float> read_npy(const fs::path& path, const std::vector<int64_t>& shape) {
  const std::vector<uint8_t> bytes = read_bytes(path);
  std::string expected = "'shape': (";
  size_t count = 1;
  for (const int64_t size : shape) {
    if (expected.back() != '(') expected += ", ";
    expected += std::to_string(size);
    count *= static_cast<size_t>(size);
  }
  expected += ")";
  if (bytes.size() < 10) return {};
  const size_t start = 10 + bytes[8] + 256u * bytes[9];
  const std::string header(
      bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(std::min(start, bytes.size())));
  EXPECT_NE(header.find(expected), std::string::npos) << path << ": " << header;
  EXPECT_EQ(bytes.size(), start + count * sizeof(float)) << path;
  std::vector<float> values(count);
  if (bytes.size() == start + count * sizeof(float))
    std::memcpy(values.data(), bytes.data() + start, count * sizeof(float));
  return values;
}

std::string picture_name(int seed, const std::string& format) {
  char name[32];
  std::snprintf(name, sizeof name, "seed%04d.%s", seed, format.c_str());
  return name;
}

Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Workshop::Workshop() {
  std::string name = (fs::temp_directory_path() / "vernissage_test.XXXXXX").string();
  if (!mkdtemp(name.data())) throw Error(name + ": cannot be made");
  folder_ = name;
}

Workshop::~Workshop() {
  fs::remove_all(folder_);
}

Result Workshop::run(const std::string& program, Arguments arguments) const {
  const fs::path out = folder_ / "stdout";
  const fs::path err = folder_ / "stderr";
  arguments.insert(arguments.begin(), program);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const int out_file = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int err_file = open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (out_file < 0 || err_file < 0 || dup2(out_file, STDOUT_FILENO) < 0 ||
        dup2(err_file, STDERR_FILENO) < 0 || chdir(folder_.c_str()) != 0)
      _exit(126);
    // Threads that spin while they wait would starve the other tests of a busy machine.
    setenv("OMP_WAIT_POLICY", "passive", 1);
    execv(program.c_str(), pointers.data());
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) throw Error(program + ": cannot be run");
  Result result{WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text(out), read_text(err)};
  fs::remove(out);
  fs::remove(err);
  return result;
}

Result Workshop::vernissage(const Arguments& arguments) const {
  return run(VERNISSAGE_BINARY, arguments);
}

std::string Workshop::converted(const std::string& model, const std::string& file) const {
  const fs::path to = folder_ / (model + "." + file + ".safetensors");
  if (!fs::exists(to)) {
    const std::string from = golden("stylegan2/models/" + model + "/" + file).string();
    const Result result = run(VERNISSAGE_WEIGHTS_BINARY, {"convert", from, to.string()});
    EXPECT_EQ(result.status, 0) << result.err;
  }
  return to.string();
}

}  // namespace vernissage::testing
