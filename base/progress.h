// How far a long command is: a bar with rate and remaining time on a terminal, a plain line now and
// then in a log.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace vernissage {

struct ProgressState {
  int64_t done = 0;
  int64_t total = 1;   // ≥ 1
  double seconds = 0;  // since the start
  std::string note{};  // shown after the rest; may be empty
};

/// "12 of 40, 1.9/s, 15 s left": `unit` follows the total. No rate before something is done.
std::string progress_text(const ProgressState& state, const std::string& unit);
/// The text with a bar in front, filling `columns` but never wider.
std::string progress_bar(const ProgressState& state, const std::string& unit, int columns);
/// "48 s", "3 min 20 s", "2 h 5 min".
std::string duration_text(double seconds);

/// Where progress goes. The clock is a parameter so that tests need not wait.
struct ProgressOutput {
  std::function<void(const std::string&)> write;
  std::function<int()> columns;  // of the terminal; 0: not a terminal
  std::function<std::chrono::steady_clock::time_point()> now;
};
/// stderr, so that stdout stays clean. Not a terminal: one whose TERM is unset or "dumb", and any
/// where NO_COLOR is set.
ProgressOutput standard_error_progress();

/// On a terminal the bar is redrawn at most 10 times a second. Elsewhere a line is written every 10
/// s or every 10 %, whichever comes later, so a log of a long run stays short. Not thread-safe.
class Progress {
 public:
  Progress(int64_t total, std::string unit, ProgressOutput output = standard_error_progress());
  /// Clears the bar when the work did not get to the end.
  ~Progress();
  Progress(const Progress&) = delete;

  void advance(int64_t count);
  /// Shown behind the numbers from now on: "people 31 %".
  void set_note(std::string note) { note_ = std::move(note); }
  /// Ends with a full bar or a last line: "40 of 40 pictures in 21 s, 1.9/s".
  void finish();

 private:
  ProgressState state() const;
  void draw(int columns);

  int64_t total_;
  std::string unit_;
  ProgressOutput output_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point shown_;  // when something was last written
  int64_t done_ = 0;
  int64_t done_shown_ = 0;
  std::string note_;
  bool bar_on_screen_ = false;
};

}  // namespace vernissage
