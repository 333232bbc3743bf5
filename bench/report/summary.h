// Prints Google Benchmark's table as it is made, remembers every median and, at the end, says the
// comparisons in words: "cpu 1024: ours 0.512 s, libtorch 1.702 s: ours is 3.3x as fast".
#pragma once

#include <benchmark/benchmark.h>

#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace vernissage::bench {

class Summary : public benchmark::ConsoleReporter {
 public:
  Summary() : benchmark::ConsoleReporter(OO_Tabular) {}

  void ReportRuns(const std::vector<Run>& runs) override;

  /// Median of a benchmark's repetitions, in seconds of real time; empty when it was not run.
  std::optional<double> median_s(const std::string& name) const;

  /// Every ".../ours/..." against its rivals ".../torch/...", ".../torch_graph/...".
  void print_comparisons(std::ostream& out) const;
  /// A table of the layers: ours, cuDNN's, the floor, the prediction. Nothing without layers.
  void print_layers(std::ostream& out) const;

 private:
  struct Row {
    std::string name;
    double median_s;
    benchmark::UserCounters counters;  // of the median
  };
  std::vector<Row> rows_;  // in the order of the report
};

/// Seconds that `measure` returns. What it throws becomes the row's, so that the other
/// rows are still measured; then empty.
std::optional<double> measured(benchmark::State& state, const std::function<double()>& measure);
/// How many times measured() was empty.
int failed_measurements();

/// Median, and the value below which a tenth, or nine tenths, of the repetitions lie: the three
/// numbers a result is quoted with. Applies them, real time and aggregates-only display to a
/// benchmark.
benchmark::internal::Benchmark* with_repetitions(benchmark::internal::Benchmark* benchmark,
                                                 int repetitions);

}  // namespace vernissage::bench
