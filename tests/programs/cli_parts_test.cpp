// The small parts under the command line: number lists, progress lines, .npy files, the closed
// curve. Goal: what is said about them in their headers, at the edges too.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/progress.h"
#include "base/ranges.h"
#include "server/commands/closed_spline.h"
#include "server/commands/npy.h"
#include "server/commands/number_list.h"

namespace vernissage {
namespace {

using Numbers = std::vector<uint32_t>;

TEST(NumberList, ReadsNumbersAndRanges) {
  EXPECT_EQ(parse_number_list("0-3,85", UINT32_MAX), (Numbers{0, 1, 2, 3, 85}));
  EXPECT_EQ(parse_number_list("7", 7), (Numbers{7}));
  EXPECT_EQ(parse_number_list("2,1,2", 10), (Numbers{2, 1, 2}));
  EXPECT_EQ(parse_number_list("4-4", 10), (Numbers{4}));
  EXPECT_EQ(parse_number_list("1, 2", 10), (Numbers{1, 2}));
  EXPECT_EQ(parse_number_list(" 0 - 3 ,\t8 ", 10), (Numbers{0, 1, 2, 3, 8}));
  EXPECT_EQ(parse_number_list("4294967294-4294967295", UINT32_MAX),
            (Numbers{4294967294, 4294967295}));
}

TEST(Ranges, AreSaidAsPeopleWriteThemAndHoldFiniteNumbersOnly) {
  const auto says = [](const auto& check, std::string text) { return check(text); };
  const CLI::Validator real = from_to(-2.0, 2.0);
  for (const char* text : {"0.7", "-2", "2", "1e-3"}) EXPECT_EQ(says(real, text), "") << text;
  for (const char* text : {"nan", "-nan", "NaN", "inf", "-inf", "2.1", "x", ""})
    EXPECT_NE(says(real, text), "") << text;
  EXPECT_EQ(real.get_description(), "-2 to 2");
  EXPECT_EQ(says(from_to(1, 32), "33"), "expected a number from 1 to 32, got '33'");
}

TEST(Terminals, ThatTakeNoEscapesGetPlainLines) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(::grantpt(terminal), 0);
  ASSERT_EQ(::unlockpt(terminal), 0);
  const int end = ::open(::ptsname(terminal), O_RDWR | O_NOCTTY);
  ASSERT_GE(end, 0);
  const int before = ::dup(STDERR_FILENO);
  const auto columns = [&](const char* type, const char* no_color) {
    ::setenv("TERM", type, 1);
    no_color ? ::setenv("NO_COLOR", no_color, 1) : ::unsetenv("NO_COLOR");
    ::dup2(end, STDERR_FILENO);
    const int count = standard_error_progress().columns();
    ::dup2(before, STDERR_FILENO);
    return count;
  };
  EXPECT_GT(columns("xterm", nullptr), 0);
  EXPECT_GT(columns("xterm", ""), 0);
  EXPECT_EQ(columns("dumb", nullptr), 0);
  EXPECT_EQ(columns("", nullptr), 0);
  EXPECT_EQ(columns("xterm", "1"), 0);
  ::close(end);
  ::close(terminal);
  ::close(before);
}

TEST(NumberList, RefusesWhatIsNotOneAndNamesThePart) {
  for (const char* text : {"", ",", "1,", ",1", "a", "1-", "-1", "1--2", "1-2-3", " ", "1 2", "1 ,",
                           "0x1", "1.5", "3-1", "11", "0-11", "99999999999999999999999"})
    EXPECT_THROW(parse_number_list(text, 10), Error) << text;
  try {
    parse_number_list("1,2,x7,9", 10);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'x7'"), std::string::npos) << error.what();
  }
}

TEST(NumberList, HasABoundedLength) {
  const std::string most = std::to_string(kNumbersMax);
  EXPECT_EQ(parse_number_list("1-" + most, UINT32_MAX).size(), kNumbersMax);
  EXPECT_THROW(parse_number_list("0-" + most, UINT32_MAX), Error);
  EXPECT_THROW(parse_number_list("1-" + most + ",5", UINT32_MAX), Error);
  EXPECT_THROW(parse_number_list("0-4294967295", UINT32_MAX), Error);
}

TEST(Npy, HeaderIsVersionOneAndDataIsAligned) {
  const std::vector<float> values = {1, -2, 0.5f, 4, 5, 6};
  const int shape[] = {1, 2, 3};
  const std::vector<uint8_t> bytes = encode_npy(values, shape);
  const std::string text(bytes.begin(), bytes.end());
  EXPECT_EQ(text.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  const size_t length = bytes[8] + 256u * bytes[9];
  EXPECT_EQ((10 + length) % 64, 0u);
  EXPECT_EQ(text.substr(10, 61), "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), ");
  EXPECT_EQ(text[10 + length - 1], '\n');
  ASSERT_EQ(bytes.size(), 10 + length + values.size() * 4);
  EXPECT_EQ(std::memcmp(bytes.data() + 10 + length, values.data(), values.size() * 4), 0);
}

TEST(Progress, TellsRateAndRemainingTime) {
  EXPECT_EQ(progress_text({0, 40, 3}, "pictures"), "0 of 40 pictures");
  EXPECT_EQ(progress_text({12, 40, 6}, "pictures"), "12 of 40 pictures, 2/s, 14 s left");
  EXPECT_EQ(progress_text({40, 40, 20}, "pictures"), "40 of 40 pictures, 2/s");
  EXPECT_EQ(progress_text({1, 1000, 20}, "frames"), "1 of 1000 frames, 0.05/s, 5 h 33 min left");
}

TEST(Progress, DurationsAreReadable) {
  EXPECT_EQ(duration_text(0), "0 s");
  EXPECT_EQ(duration_text(59.4), "59 s");
  EXPECT_EQ(duration_text(60), "1 min");
  EXPECT_EQ(duration_text(200), "3 min 20 s");
  EXPECT_EQ(duration_text(3600), "1 h");
  EXPECT_EQ(duration_text(7500), "2 h 5 min");
}

TEST(Progress, BarNeverReachesTheLastColumn) {
  for (int columns = 1; columns < 200; ++columns)
    for (const int64_t done : {0, 1, 20, 39, 40})
      ASSERT_LT(progress_bar({done, 40, 10}, "pictures", columns).size(), size_t(columns))
          << columns;
  const std::string half = progress_bar({20, 40, 10}, "pictures", 200);
  EXPECT_EQ(std::count(half.begin(), half.end(), '#'), std::count(half.begin(), half.end(), '.'));
}

// A clock that the test moves and a log of everything written.
struct Screen {
  std::chrono::steady_clock::time_point time{};
  int columns = 0;
  std::vector<std::string> written;

  ProgressOutput output() {
    return {[this](const std::string& text) { written.push_back(text); },
            [this] { return columns; }, [this] { return time; }};
  }
};

TEST(Progress, RedrawsATerminalAtMostTenTimesASecond) {
  Screen screen;
  screen.columns = 100;
  Progress progress(1000, "pictures", screen.output());
  for (int step = 0; step < 1000; ++step) {
    progress.advance(1);
    screen.time += std::chrono::milliseconds(3);
  }
  EXPECT_GE(screen.written.size(), 25u);
  EXPECT_LE(screen.written.size(), 31u);  // one at the start, then one a tenth of the 3 seconds
  for (const std::string& text : screen.written) EXPECT_EQ(text.find('\n'), std::string::npos);
  progress.finish();
  EXPECT_NE(screen.written.back().find("1000 of 1000 pictures in 3 s, 333/s\n"), std::string::npos);
}

TEST(Progress, WritesFewPlainLinesElsewhere) {
  Screen screen;
  {
    Progress progress(1000, "pictures", screen.output());
    for (int step = 0; step < 1000; ++step) {
      screen.time += std::chrono::seconds(2);
      progress.advance(1);
    }
    progress.finish();
  }
  EXPECT_GE(screen.written.size(), 9u);
  EXPECT_LE(screen.written.size(), 11u);
  for (const std::string& text : screen.written) {
    EXPECT_EQ(text.back(), '\n');
    EXPECT_EQ(text.find('\r'), std::string::npos);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
  }
}

TEST(Progress, OfAShortRunIsOneLine) {
  Screen screen;
  Progress progress(5, "pictures", screen.output());
  for (int step = 0; step < 5; ++step) {
    screen.time += std::chrono::milliseconds(400);
    progress.advance(1);
  }
  progress.finish();
  EXPECT_EQ(screen.written, std::vector<std::string>{"5 of 5 pictures in 2 s, 2.5/s\n"});
}

TEST(Progress, ClearsItsBarWhenTheWorkFails) {
  Screen screen;
  screen.columns = 80;
  {
    Progress progress(5, "pictures", screen.output());
    progress.advance(1);
  }
  EXPECT_EQ(screen.written.back(), "\r\x1b[K");
}

TEST(ClosedSpline, PassesItsPointsAndCloses) {
  const std::vector<float> points = {0, 1, 4, -2, 3, 0.5f, -1, 7};  // four points of two dimensions
  for (int i = 0; i < 9; ++i) {
    const std::vector<float> at = closed_spline(points, 2, i);
    EXPECT_EQ(at, (std::vector<float>{points[size_t(i % 4) * 2], points[size_t(i % 4) * 2 + 1]}))
        << i;
  }
}

// One-sided slopes err by h/2 times the second derivative. Its weights are 2 - 3t, 9t - 5, 4 - 9t
// and 3t - 1: they sum to zero and their sizes to at most 12, so it is at most 6 times the points'
// range of 12. Rounding the values (up to 8) to float adds 2 · 5e-7 / h. A corner, as straight
// lines would have, differs by several units.
TEST(ClosedSpline, HasNoCorners) {
  const std::vector<float> points = {0, 5, -4, 3, -7};
  const double h = 1e-3;
  for (int i = 1; i <= 5; ++i) {
    const double left = (closed_spline(points, 1, i)[0] - closed_spline(points, 1, i - h)[0]) / h;
    const double right = (closed_spline(points, 1, i + h)[0] - closed_spline(points, 1, i)[0]) / h;
    EXPECT_NEAR(left, right, 2 * (h / 2 * 6 * 12 + 1e-6 / h)) << i;
  }
}

TEST(ClosedSpline, StaysAtASinglePoint) {
  const std::vector<float> point = {3, 4};
  EXPECT_EQ(closed_spline(point, 2, 0), point);
  const std::vector<float> between = closed_spline(point, 2, 0.4);
  EXPECT_NEAR(between[0], 3, 1e-6);
  EXPECT_NEAR(between[1], 4, 1e-6);
}

}  // namespace
}  // namespace vernissage
