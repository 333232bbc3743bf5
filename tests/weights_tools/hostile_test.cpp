// Goal: a checkpoint from a stranger can waste neither time nor memory and can run nothing; what is
// sound is read. Method: every file of golden/stylegan2/hostile, and those of brought that are
// named hostile, each in a process of its own, in an empty folder, with the address space limited
// to what the process had before plus the file plus 64 MiB; the parent reads the message from a
// pipe, looks at the clock and at the folder.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/formats/safetensors.h"
#include "tests/support/golden_data.h"
#include "tests/support/json.h"
#include "weights_tools/checkpoint.h"

namespace vernissage {
namespace fs = std::filesystem;
using testing::golden;
using testing::golden_entries;
using testing::Json;
using testing::read_json;

namespace {

constexpr uint64_t kMemoryBytes = uint64_t{64} << 20;
constexpr double kSecondsMax = 1;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kLimitMemory = false;  // the sanitizer reserves terabytes of address space
#else
constexpr bool kLimitMemory = true;
#endif

/// Files below golden/stylegan2: those of hostile/ that its list names, and of those to be refused
/// also what brought/ has of them.
std::vector<std::string> listed(const std::string& kind) {
  const Json list = read_json(golden("stylegan2/hostile/hostile.json"));
  std::vector<std::string> files;
  for (const Json& item : list.at(kind).items) files.push_back("hostile/" + item.at("file").text);
  if (kind != "reject") return files;
  for (const std::string& name : golden_entries("stylegan2/brought"))
    if (name.starts_with("hostile_")) files.push_back("brought/" + name);
  return files;
}

uint64_t address_space_in_use() {
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

struct Outcome {
  int status = -1;      // as waitpid says it
  std::string message;  // "OK", or the error's text
  double seconds = 0;
  bool ran_something = false;  // something lies in the folder that was empty
};

/// What the child does and says; it never returns.
[[noreturn]] void report(const std::function<void()>& work, int pipe) {
  std::string message = "OK";
  try {
    work();
  } catch (const Error& error) {
    message = error.what();
  } catch (const std::bad_alloc&) {
    message = "OUT OF MEMORY";
  }
  const bool written =
      write(pipe, message.data(), message.size()) == static_cast<ssize_t>(message.size());
  _exit(written ? 0 : 1);
}

/// `work` in a process of its own that may hold `file_bytes` plus kMemoryBytes more than this one.
Outcome attempt(uint64_t file_bytes, const std::function<void()>& work) {
  char folder[] = "/tmp/vernissage-hostile-XXXXXX";
  if (mkdtemp(folder) == nullptr) throw Error("no temporary folder");
  int ends[2];
  if (pipe(ends) != 0) throw Error("no pipe");
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) {
    if (chdir(folder) != 0) _exit(2);
    if (kLimitMemory) {
      const rlim_t bytes = address_space_in_use() + file_bytes + kMemoryBytes;
      const rlimit limit{bytes, bytes};
      if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(3);
    }
    alarm(10);  // a reader that never ends fails the test instead of hanging it
    report(work, ends[1]);
  }
  close(ends[1]);
  Outcome outcome;
  char buffer[4096];
  for (ssize_t count; (count = read(ends[0], buffer, sizeof(buffer))) > 0;) {
    outcome.message.append(buffer, static_cast<size_t>(count));
  }
  close(ends[0]);
  waitpid(child, &outcome.status, 0);
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  outcome.ran_something = !fs::is_empty(folder);
  fs::remove_all(folder);
  return outcome;
}

Outcome attempt(const fs::path& file) {
  return attempt(fs::file_size(file), [&] { read_checkpoint(file); });
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

class HostileFile : public ::testing::TestWithParam<std::string> {};
class SoundFile : public ::testing::TestWithParam<std::string> {};

}  // namespace

TEST_P(HostileFile, IsRefusedInOneLineQuicklyAndInLittleMemory) {
  const fs::path file = golden("stylegan2/" + GetParam());
  const Outcome outcome = attempt(file);
  ASSERT_TRUE(WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == 0)
      << "status " << outcome.status << ": " << outcome.message;
  const std::string prefix = file.string() + ": ";
  ASSERT_TRUE(outcome.message.starts_with(prefix)) << outcome.message;
  EXPECT_GT(outcome.message.size(), prefix.size() + 10) << "a reason, not a word";
  EXPECT_LT(outcome.message.size(), prefix.size() + 400);
  EXPECT_EQ(outcome.message.find('\n'), std::string::npos) << outcome.message;
  EXPECT_LT(outcome.seconds, kSecondsMax);
  EXPECT_FALSE(outcome.ran_something);
}

TEST_P(SoundFile, IsRead) {
  const fs::path file = golden("stylegan2/" + GetParam());
  const Outcome outcome = attempt(file);
  ASSERT_TRUE(WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == 0) << outcome.status;
  EXPECT_FALSE(outcome.ran_something);
  EXPECT_LT(outcome.seconds, kSecondsMax);
  if (GetParam() == "hostile/ok_plain.safetensors") {
    // The bare tensors of a network: it says what they do not tell.
    EXPECT_NE(outcome.message.find("give --conv-clamp"), std::string::npos) << outcome.message;
    EXPECT_NO_THROW(Safetensors(MappedFile(file).bytes()));
  } else {
    EXPECT_EQ(outcome.message, "OK");
  }
}

INSTANTIATE_TEST_SUITE_P(Hostile, HostileFile, ::testing::ValuesIn(listed("reject")), test_name);
INSTANTIATE_TEST_SUITE_P(Hostile, SoundFile, ::testing::ValuesIn(listed("accept")), test_name);

// The lists above would pass if they were empty.
TEST(HostileFiles, AreAllThere) {
  EXPECT_GE(listed("reject").size(), 209u + 12u);
  EXPECT_GE(listed("accept").size(), 11u);
}

TEST(HostileFiles, AreReadUnderLimitsThatBite) {
  const Outcome writes = attempt(0, [] { std::ofstream("PWNED") << "x"; });
  EXPECT_TRUE(writes.ran_something);
  const Outcome crashes = attempt(0, [] { std::raise(SIGKILL); });
  EXPECT_FALSE(WIFEXITED(crashes.status));
  if (!kLimitMemory) return;
  const auto holding = [](uint64_t bytes) {
    return attempt(0, [bytes] { std::vector<char> held(bytes); });
  };
  EXPECT_EQ(holding(kMemoryBytes / 2).message, "OK");
  EXPECT_EQ(holding(kMemoryBytes + 1).message, "OUT OF MEMORY");
}

// The values of the sound files are one network each, whatever container, element type or order
// they use.
TEST(SoundFiles, AgreeOnTheirValues) {
  const auto read = [](const char* name) {
    return read_checkpoint(golden(std::string("stylegan2/hostile/") + name)).network.parameters;
  };
  const auto same = [&](const char* a, const char* b) {
    const auto left = read(a), right = read(b);
    ASSERT_EQ(left.size(), right.size());
    for (const auto& [name, tensor] : left) {
      EXPECT_EQ(tensor.shape, right.at(name).shape) << b << " " << name;
      EXPECT_EQ(tensor.values, right.at(name).values) << b << " " << name;
    }
  };
  same("ok_ada8.pkl", "ok_ada8_evil_module_src.pkl");
  same("ok_tf8.pkl", "ok_tf8_fortran.pkl");
  same("ok_ros8.pt", "ok_ros8_legacy.pt");
  same("ok_ros8.pt", "ok_ros8_views.pt");
  same("ok_ros8.pt", "ok_ros8_rezipped.pt");
  same("ok_ros8.pt", "ok_ros8_double.pt");  // float32 values widened: exact

  const auto full = read("ok_ros8.pt"), half = read("ok_ros8_half.pt");
  for (const auto& [name, tensor] : full) {
    for (size_t i = 0; i < tensor.values.size(); ++i) {
      // One rounding to eleven bits, or half the smallest subnormal.
      EXPECT_NEAR(half.at(name).values[i], tensor.values[i],
                  std::abs(tensor.values[i]) * 0x1p-11f + 0x1p-25f)
          << name << " " << i;
    }
  }
}

}  // namespace vernissage
