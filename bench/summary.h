// Prints Google Benchmark's table as it is made, remembers every median and, at the end, says the
// comparisons in words: "cpu 1024: ours 0.512 s, libtorch 1.702 s: ours is 3.3x as fast".
#pragma once

#include <benchmark/benchmark.h>

#include <map>
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

  /// Every ".../ours/..." against its rivals ".../torch/..." and ".../torch_graph/...".
  void print_comparisons(std::ostream& out) const;

 private:
  std::map<std::string, double> medians_s_;
};

/// Median, and the value below which a tenth, or nine tenths, of the repetitions lie: the three
/// numbers a result is quoted with. Applies them, real time and aggregates-only display to a
/// benchmark.
benchmark::internal::Benchmark* with_repetitions(benchmark::internal::Benchmark* benchmark,
                                                 int repetitions);

}  // namespace vernissage::bench
