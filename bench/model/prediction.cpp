#include "bench/model/prediction.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "bench/model/work.h"
#include "engine/stylegan2/launch_costs.h"
#include "kernels/costs.h"

namespace vernissage::bench {
namespace {

constexpr int kBatches[] = {1, 2, 4, 8, 16, 32};
constexpr Ceilings kCeilings = {kH200.flop_per_s, kH200.bytes_per_s};

std::string format(const char* form, ...) __attribute__((format(printf, 1, 2)));
std::string format(const char* form, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, form);
  std::vsnprintf(text, sizeof text, form, arguments);
  va_end(arguments);
  return text;
}

struct Total {
  int launches = 0;
  double flop = 0, bytes = 0, us = 0;
  double issue = 0, tensor = 0, l2 = 0, dram = 0;

  void add(const LaunchCost& launch) {
    ++launches;
    flop += launch.flop, bytes += launch.bytes, us += launch.predicted_us;
    issue += launch.issue_us, tensor += launch.tensor_us;
    l2 += launch.l2_us, dram += launch.dram_us;
  }
};

// From w+ on the device to bytes on the device, as cuda/ours is measured: without the mapping.
Total image_total(const NetworkConfig& config, int batch) {
  Total total;
  for (const LaunchCost& launch : launch_costs(config, batch)) total.add(launch);
  return total;
}

std::vector<LaunchCost> all_costs(const NetworkConfig& config, int batch) {
  auto costs = mapping_costs(config, batch);
  const auto forward = launch_costs(config, batch);
  costs.insert(costs.end(), forward.begin(), forward.end());
  return costs;
}

void write_table(std::ostream& out, int size, int batch) {
  const NetworkConfig config = config_f(size);
  const auto launches = all_costs(config, batch);
  const auto work = layer_work(config, batch, 2);
  out << format("\n## Config-f %d, batch %d\n\n", size, batch)
      << "| layer | kernels | GFLOP | MB | issue µs | tensor µs | L2 µs | DRAM µs | floor µs | "
         "predicted µs "
         "| times the floor |\n"
         "|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const std::string& name : operation_names(config)) {
    Total total;
    std::string kernels;
    for (const LaunchCost& launch : launches) {
      if (launch.layer != name) continue;
      total.add(launch);
      if (!kernels.ends_with(launch.kernel))
        kernels += (kernels.empty() ? "" : ", ") + launch.kernel;
    }
    out << "| " << name << " | " << total.launches << ": " << kernels
        << format(" | %.2f | %.1f | %.1f | %.1f | %.1f | %.1f | ", total.flop * 1e-9,
                  total.bytes * 1e-6, total.issue, total.tensor, total.l2, total.dram);
    const auto least = std::find_if(work.begin(), work.end(),
                                    [&](const LayerWork& layer) { return layer.name == name; });
    if (least == work.end()) {
      out << format("– | %.1f | – |\n", total.us);
    } else {
      const double floor_us = floor_s(least->flop, least->bytes, kCeilings) * 1e6;
      out << format("%.1f | %.1f | %.1f |\n", floor_us, total.us, total.us / floor_us);
    }
  }
  const Total image = image_total(config, batch);
  const double floor_us = image_floor_s(config, batch, 2, kCeilings) * 1e6;
  out << format(
      "| **image**, without mapping | %d | %.1f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | "
      "**%.0f** | "
      "%.1f |\n",
      image.launches, image.flop * 1e-9, image.bytes * 1e-6, image.issue, image.tensor, image.l2,
      image.dram, floor_us, image.us, image.us / floor_us);
  if (batch > 1)
    out << format("\nPer image: floor %.0f µs, predicted %.0f µs.\n", floor_us / batch,
                  image.us / batch);
}

constexpr const char* kHistory = R"(
## What was predicted before

The figures are kept with what was wrong in them, for config-f 1024 at batch 1 and batch 8.

| when | batch 1 µs | batch 8 µs an image | kernels | model |
|---|---|---|---|---|
| first | 645 | 556 | as first written | tiles at a rate, memory at 80 % |
| reading of the machine code | 872 (790 to 940) | 689 (620 to 750) | the same | four terms, by hand |

The first model knew no instructions. It took the filter behind an up-convolution for a copy (94 µs of
issue against 39 at 1024²), a CTA's prologue and epilogue for 2000 clocks (12 000 at 1024²), a k-tile of a
CTA alone for 150 clocks (440 to 620), and the clock for 1.46 GHz, 20 to 35 % below what kernels without
wgmma are expected to run at; the last error hid much of the others. The second counted a disassembly, for
the kernels before the filter was separable, the epilogue folded and the copies without branches.
)";

}  // namespace

std::string prediction_markdown() {
  std::ostringstream out;
  out << "# Prediction\n\n"
         "Written by `vernissage-bench --predict DIR`. **Nothing here is a measurement.** Every "
         "launch\n"
         "of an image on an H200 in half precision, cut into tiles as the kernels cut it\n"
         "(`kernels/convolution/conv_tiles.h`), and a time from a model.\n\n"
      << format(
             "- Floor: each layer's input, weights and output once at %.1f TB/s or its "
             "multiply-adds at\n  %.0f TFLOP/s, whichever is longer; up-convolutions on input "
             "pixels with the filter on chip; to_rgb\n  inside conv1. Mapping and styles have no "
             "floor here: it is the floor of the convolutions.\n",
             kH200.bytes_per_s * 1e-12, kH200.flop_per_s * 1e-12)
      << format(
             "- Predicted (`kernels/launch_model.h`): the largest of four terms with what latency, "
             "waves "
             "and tails add.\n  Issue: warp instructions of the compiler's PTX, counted by "
             "ptx_runs_test "
             "(`instructions.md`), one a clock\n  and quarter of an SM; tensor: 6 clocks a product "
             "m16n8k16, ptxas's own stall count; L2 at %.1f TB/s, an\n  assumption; DRAM at %.0f "
             "%% of "
             "%.1f TB/s, the measured copy. Clock %.3f GHz. %.1f µs pass between two launches.\n",
             kH200.l2_bytes_per_s * 1e-12, kH200.memory_share * 100, kH200.bytes_per_s * 1e-12,
             kH200.clock_hz * 1e-9, kH200.gap_s * 1e6)
      << "- The columns issue to DRAM are sums over a layer's launches, each of which has its own "
         "largest term.\n"
      << "- GFLOP and MB are those of the launches as they are, so above the floor's where a layer "
         "takes\n  several launches or the composite form.\n\n"
         "| image, without mapping | floor µs/image | predicted µs/image | images/s | launches |\n"
         "|---|---|---|---|---|\n";
  for (const int size : {1024, 256}) {
    for (const int batch : kBatches) {
      const NetworkConfig config = config_f(size);
      const Total image = image_total(config, batch);
      out << format("| %d, batch %d | %.0f | %.0f | %.0f | %d |\n", size, batch,
                    image_floor_s(config, batch, 2, kCeilings) * 1e6 / batch, image.us / batch,
                    batch / image.us * 1e6, image.launches);
    }
  }
  for (const int size : {1024, 256})
    for (const int batch : {1, 8}) write_table(out, size, batch);
  out << kHistory;
  return out.str();
}

namespace {

std::string entry(const std::string& name, double us, const std::string& more) {
  return format(
             "  {\"name\": \"%s\", \"run_name\": \"%s\", \"run_type\": \"iteration\", "
             "\"real_time\": %.4f, \"time_unit\": \"us\"",
             name.c_str(), name.c_str(), us) +
         more + "}";
}

}  // namespace

std::string prediction_json() {
  std::ostringstream out;
  out << "{\"context\": {\"kind\": \"prediction\"},\n\"benchmarks\": [\n";
  const char* separator = "";
  for (const int size : {1024, 256}) {
    const NetworkConfig config = config_f(size);
    for (const int batch : kBatches) {
      const std::string suffix = "/b" + std::to_string(batch);
      const std::string where = std::to_string(size);
      const double floor_us = image_floor_s(config, batch, 2, kCeilings) * 1e6;
      const Total image = image_total(config, batch);
      out << separator
          << entry("cuda/predicted/" + where + suffix, image.us,
                   format(", \"us/image\": %.4f, \"floor_us\": %.4f, \"launches\": %d",
                          image.us / batch, floor_us, image.launches));
      separator = ",\n";
      if (batch != 1 && batch != 8) continue;
      const auto predicted = predicted_us(config, batch);
      for (const LayerWork& layer : layer_work(config, batch, 2))
        out << separator
            << entry("cuda/layer/predicted/" + where + "/" + layer.name + suffix,
                     predicted.at(layer.name),
                     format(", \"floor_us\": %.4f",
                            floor_s(layer.flop, layer.bytes, kCeilings) * 1e6));
    }
  }
  out << "\n]}\n";
  return out.str();
}

std::map<std::string, double> predicted_us(const NetworkConfig& config, int batch) {
  std::map<std::string, double> sums;
  for (const LaunchCost& launch : all_costs(config, batch))
    sums[launch.layer] += launch.predicted_us;
  return sums;
}

void write_prediction(const std::filesystem::path& folder) {
  std::error_code ignored;  // what matters is whether the files can be written
  std::filesystem::create_directories(folder, ignored);
  const auto write = [&](const char* name, const std::string& content) {
    const std::filesystem::path path = folder / name;
    std::ofstream file(path);
    file << content;
    file.close();
    if (!file) throw Error(path.string() + ": cannot be written");
  };
  write("prediction.md", prediction_markdown());
  write("prediction.json", prediction_json());
}

}  // namespace vernissage::bench
