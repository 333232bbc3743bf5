#include "bench/report/summary.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <utility>

namespace vernissage::bench {
namespace {

int failures = 0;

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
    rows_.push_back({run.run_name.function_name,
                     run.GetAdjustedRealTime() / benchmark::GetTimeUnitMultiplier(run.time_unit),
                     run.counters});
  }
}

std::optional<double> Summary::median_s(const std::string& name) const {
  for (const Row& row : rows_)
    if (row.name == name) return row.median_s;
  return std::nullopt;
}

void Summary::print_comparisons(std::ostream& out) const {
  for (const auto& [name, ours_s, counters] : rows_) {
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

void Summary::print_layers(std::ostream& out) const {
  const std::string ours = "cuda/layer/ours/", cudnn = "cuda/layer/cudnn/";
  bool headed = false;
  for (const Row& row : rows_) {
    if (!row.name.starts_with(ours)) continue;
    const std::string layer = row.name.substr(ours.size());
    const auto counter = [&](const char* name) {
      const auto found = row.counters.find(name);
      return found == row.counters.end() ? 0.0 : double(found->second);
    };
    const auto cell = [](double value, int width, int digits) {
      char text[32];
      if (value > 0)
        std::snprintf(text, sizeof text, "%*.*f", width, digits, value);
      else
        std::snprintf(text, sizeof text, "%*s", width, "-");
      return std::string(text);
    };
    if (!std::exchange(headed, true))
      out << "\nlayer                        ours us  cuDNN us  floor us   x floor  predicted us\n";
    char name[32];
    std::snprintf(name, sizeof name, "%-26s", layer.c_str());
    out << name << cell(row.median_s * 1e6, 10, 1)
        << cell(median_s(cudnn + layer).value_or(0) * 1e6, 10, 1)
        << cell(counter("floor_us"), 10, 1) << cell(counter("x_floor"), 10, 2)
        << cell(counter("predicted_us"), 14, 1) << '\n';
  }
}

std::optional<double> measured(benchmark::State& state, const std::function<double()>& measure) {
  try {
    return measure();
  } catch (const std::exception& error) {  // libtorch throws its own kinds
    ++failures;
    state.SkipWithError(error.what());
    return std::nullopt;
  }
}

int failed_measurements() {
  return failures;
}

benchmark::internal::Benchmark* with_repetitions(benchmark::internal::Benchmark* benchmark,
                                                 int repetitions) {
  return benchmark->Repetitions(repetitions)
      ->DisplayAggregatesOnly(true)
      ->ComputeStatistics("p10", [](const std::vector<double>& v) { return quantile(v, 0.1); })
      ->ComputeStatistics("p90", [](const std::vector<double>& v) { return quantile(v, 0.9); });
}

}  // namespace vernissage::bench
