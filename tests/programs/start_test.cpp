// How every program starts and ends. Goal: no machine, terminal or way of starting it makes a
// program slow, write where it must not, or report what it did not do. Method: the programs as a
// shell starts them, with closed descriptors and on a full device.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/workshop.h"

namespace vernissage {
namespace {

using testing::Arguments;
using testing::read_bytes;
using testing::Result;
using testing::Workshop;

const char* const kPrograms[] = {VERNISSAGE_BINARY, VERNISSAGE_WEIGHTS_BINARY};

Result shell(const Workshop& workshop, const std::string& line) {
  return workshop.run("/bin/sh", {"-c", line});
}

// The last account of itself that libgomp gives: the first one is of the program before it has
// executed itself again.
std::string spins(const Result& result) {
  const size_t name = result.err.rfind("GOMP_SPINCOUNT = '");
  if (name == std::string::npos) return "";
  const size_t begin = name + 18;
  return result.err.substr(begin, result.err.find('\'', begin) - begin);
}

TEST(Start, ThreadsThatWaitForOthersSleepSoon) {
  const Workshop workshop;
  const std::string program = std::string(VERNISSAGE_BINARY) + " devices";
  EXPECT_EQ(spins(shell(workshop, "env -u OMP_WAIT_POLICY OMP_DISPLAY_ENV=verbose " + program)),
            "1000");
  EXPECT_EQ(spins(shell(workshop, "GOMP_SPINCOUNT=7 OMP_DISPLAY_ENV=verbose " + program)), "7")
      << "what the user has set stays";
  EXPECT_EQ(spins(shell(workshop, "OMP_WAIT_POLICY=passive OMP_DISPLAY_ENV=verbose " + program)),
            "0");
}

TEST(Start, AClosedDescriptorIsNotTheNextFileThatIsOpened) {
  const Workshop workshop;
  const std::string model = workshop.converted("ada32", "network.pkl");
  const auto paint = [&](const std::string& folder, const std::string& closed) {
    const Result result = shell(workshop, std::string(VERNISSAGE_BINARY) + " generate " + model +
                                              " --seeds 0 --outdir " + folder + " " + closed);
    EXPECT_EQ(result.status, 0) << closed << result.err;
    return read_bytes(workshop / folder / "seed0000.png");
  };
  const auto expected = paint("open", "");
  for (const std::string closed : {"2>&-", ">&-", "<&-", "<&- >&- 2>&-"})
    EXPECT_EQ(paint("closed", closed), expected) << closed;
}

TEST(Start, WhatCouldNotBePrintedIsAFailure) {
  const Workshop workshop;
  for (const std::string program : kPrograms)
    for (const std::string arguments : {"--help", "--version"}) {
      if (program == VERNISSAGE_WEIGHTS_BINARY && arguments == "--version") continue;
      const Result result = shell(workshop, program + " " + arguments + " >/dev/full");
      EXPECT_EQ(result.status, 1) << program << " " << arguments;
      EXPECT_NE(result.err.find("standard output cannot be written"), std::string::npos)
          << result.err;
    }
  EXPECT_EQ(shell(workshop, std::string(VERNISSAGE_BINARY) + " config >/dev/full").status, 1);
}

TEST(Start, APipeIsNoModel) {
  const Workshop workshop;
  ASSERT_EQ(::mkfifo((workshop / "pipe").c_str(), 0600), 0);
  const std::string limit = "timeout 20 ";
  const std::string program = limit + VERNISSAGE_BINARY,
                    weights = limit + VERNISSAGE_WEIGHTS_BINARY;
  for (const std::string& command : {program + " generate pipe --seeds 0 --outdir out",
                                     program + " walk pipe --seeds 1,2 --frames 4 --out walk.webp",
                                     program + " hang pipe --out gallery", program + " verify pipe",
                                     weights + " inspect pipe", weights + " convert pipe out"}) {
    const Result result = shell(workshop, command);
    EXPECT_EQ(result.status, 1) << command;
    EXPECT_NE(result.err.find("regular file"), std::string::npos) << command << ": " << result.err;
  }
}

}  // namespace
}  // namespace vernissage
