#include "base/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace vernissage {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kRedraw{100};
constexpr seconds kLineEvery{10};
constexpr int kBarMin = 10;  // narrower than this a bar says nothing
constexpr int kBarMax = 40;
constexpr char kClearLine[] = "\r\x1b[K";

std::string rate_text(double rate) {
  char text[32];
  std::snprintf(text, sizeof text, rate < 10 ? "%.2g/s" : "%.0f/s", rate);
  return text;
}

// NO_COLOR (no-color.org) is about colours; who sets it wants plain text, and gets lines.
bool takes_escapes() {
  const char* terminal = std::getenv("TERM");
  const char* no_color = std::getenv("NO_COLOR");
  return terminal && *terminal && std::strcmp(terminal, "dumb") != 0 && !(no_color && *no_color);
}

}  // namespace

std::string duration_text(double seconds_count) {
  const auto whole = static_cast<int64_t>(std::llround(std::clamp(seconds_count, 0.0, 1e9)));
  const auto two = [](int64_t large, const char* large_unit, int64_t small,
                      const char* small_unit) {
    std::string text = std::to_string(large).append(large_unit);
    if (small) text.append(" ").append(std::to_string(small)).append(small_unit);
    return text;
  };
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return two(whole / 60, " min", whole % 60, " s");
  return two(whole / 3600, " h", whole % 3600 / 60, " min");
}

std::string progress_text(const ProgressState& state, const std::string& unit) {
  std::string text = std::to_string(state.done) + " of " + std::to_string(state.total) + " " + unit;
  if (state.done == 0 || state.seconds <= 0) return text;
  const double rate = static_cast<double>(state.done) / state.seconds;
  text += ", " + rate_text(rate);
  if (state.done < state.total)
    text += ", " + duration_text(static_cast<double>(state.total - state.done) / rate) + " left";
  if (!state.note.empty()) text += "; " + state.note;
  return text;
}

std::string progress_bar(const ProgressState& state, const std::string& unit, int columns) {
  const std::string text = progress_text(state, unit);
  // One column is kept free: a terminal may wrap when the last one is written.
  const int room = columns - 1 - static_cast<int>(text.size()) - 3;
  if (room < kBarMin) return text.substr(0, static_cast<size_t>(std::max(columns - 1, 0)));
  const int width = std::min(room, kBarMax);
  const auto filled = static_cast<int>(width * state.done / state.total);
  std::string bar = text;
  bar.insert(0, "] ").insert(0, size_t(width - filled), '.').insert(0, size_t(filled), '#');
  return bar.insert(0, 1, '[');
}

ProgressOutput standard_error_progress() {
  const auto write = [](const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
  };
  const auto columns = [] {
    if (!isatty(STDERR_FILENO) || !takes_escapes()) return 0;
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? int{size.ws_col} : 80;
  };
  return {write, columns, [] { return std::chrono::steady_clock::now(); }};
}

Progress::Progress(int64_t total, std::string unit, ProgressOutput output)
    : total_(std::max<int64_t>(total, 1)),
      unit_(std::move(unit)),
      output_(std::move(output)),
      start_(output_.now()),
      shown_(start_) {
  const int columns = output_.columns();
  if (columns > 0) draw(columns);  // the first step may be a while away
}

Progress::~Progress() {
  if (bar_on_screen_) output_.write(kClearLine);
}

ProgressState Progress::state() const {
  return {done_, total_, std::chrono::duration<double>(output_.now() - start_).count(), note_};
}

void Progress::draw(int columns) {
  output_.write(std::string(kClearLine).append(progress_bar(state(), unit_, columns)));
  bar_on_screen_ = true;
}

void Progress::advance(int64_t count) {
  done_ += count;
  const auto now = output_.now();
  const int columns = output_.columns();
  if (columns > 0) {
    if (bar_on_screen_ && now - shown_ < kRedraw) return;
    draw(columns);
  } else {
    const bool a_tenth = (done_ - done_shown_) * 10 >= total_;
    if (done_ >= total_ || now - shown_ < kLineEvery || !a_tenth) return;
    output_.write(progress_text(state(), unit_) + "\n");
  }
  shown_ = now;
  done_shown_ = done_;
}

void Progress::finish() {
  const ProgressState last = state();
  std::string text = std::to_string(last.done) + " of " + std::to_string(last.total) + " " + unit_ +
                     " in " + duration_text(last.seconds);
  if (last.seconds > 0) text += ", " + rate_text(static_cast<double>(last.done) / last.seconds);
  output_.write((bar_on_screen_ ? kClearLine : "") + text + "\n");
  bar_on_screen_ = false;
}

}  // namespace vernissage
