// What engine/stylegan2/launch_costs.h expects the CUDA kernels to take on an H200, beside the
// floor: as text, and as a result that bench/report/compare and bench/report/plot read. Needs no
// device.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "engine/formats/network.h"

namespace vernissage::bench {

/// Microseconds by operation (operation_names()), summed over its launches: half precision,
/// constant noise, output as bytes.
std::map<std::string, double> predicted_us(const NetworkConfig& config, int batch);

/// Config-f 1024 and 256: a table of batches, and one of the layers at batch 1 and 8.
std::string prediction_markdown();
/// The same in the form of Google Benchmark's results.
std::string prediction_json();

/// Writes prediction.md and prediction.json into `folder`, which is made. Throws Error naming a
/// file it cannot write.
void write_prediction(const std::filesystem::path& folder);

}  // namespace vernissage::bench
