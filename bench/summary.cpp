#include "bench/summary.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace vernissage::bench {
namespace {

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double position = q * double(values.size() - 1);
  const size_t below = size_t(position);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (position - double(below)) * (values[above] - values[below]);
}

std::string time_text(double seconds) {
  char text[32];
  if (seconds >= 1)
    std::snprintf(text, sizeof text, "%.2f s", seconds);
  else if (seconds >= 1e-3)
    std::snprintf(text, sizeof text, "%.2f ms", seconds * 1e3);
  else
    std::snprintf(text, sizeof text, "%.1f us", seconds * 1e6);
  return text;
}

}  // namespace

void Summary::ReportRuns(const std::vector<Run>& runs) {
  ConsoleReporter::ReportRuns(runs);
  for (const Run& run : runs) {
    const bool alone = run.run_type == Run::RT_Iteration && run.repetitions <= 1;
    if (!alone && run.aggregate_name != "median") continue;
    medians_s_[run.run_name.function_name] =
        run.GetAdjustedRealTime() / benchmark::GetTimeUnitMultiplier(run.time_unit);
  }
}

std::optional<double> Summary::median_s(const std::string& name) const {
  const auto found = medians_s_.find(name);
  return found == medians_s_.end() ? std::nullopt : std::optional<double>(found->second);
}

void Summary::print_comparisons(std::ostream& out) const {
  for (const auto& [name, ours_s] : medians_s_) {
    const size_t at = name.find("/ours/");
    if (at == std::string::npos) continue;
    for (const char* rival : {"torch", "torch_graph"}) {
      const auto theirs_s = median_s(name.substr(0, at + 1) + rival + name.substr(at + 5));
      if (!theirs_s) continue;
      char ratio[32];
      std::snprintf(ratio, sizeof ratio, "%.2fx", *theirs_s / ours_s);
      out << name << ": " << time_text(ours_s) << "; " << rival << ": " << time_text(*theirs_s)
          << "; ours is " << ratio << " as fast\n";
    }
  }
}

benchmark::internal::Benchmark* with_repetitions(benchmark::internal::Benchmark* benchmark,
                                                 int repetitions) {
  return benchmark->Repetitions(repetitions)
      ->DisplayAggregatesOnly(true)
      ->ComputeStatistics("p10", [](const std::vector<double>& v) { return quantile(v, 0.1); })
      ->ComputeStatistics("p90", [](const std::vector<double>& v) { return quantile(v, 0.9); });
}

}  // namespace vernissage::bench
