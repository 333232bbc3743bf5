#include "server/commands/devices_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "engine/engine.h"

namespace vernissage {
namespace {

void devices() {
  const std::vector<DeviceInfo> all = list_devices();
  size_t width = 0;
  for (const DeviceInfo& device : all) width = std::max(width, device.name.size());
  for (const DeviceInfo& device : all) {
    const std::string& about = device.detail.empty() ? device.reason : device.detail;
    std::printf("%-*s  %-8s  %s", static_cast<int>(width), device.name.c_str(),
                device.usable ? "usable" : "unusable", about.c_str());
    if (!device.usable && !device.detail.empty()) std::printf(" (%s)", device.reason.c_str());
    std::printf("\n");
  }
  std::printf("--device auto: %s\n", make_backend("auto", Precision::f32, 0)->describe().c_str());
}

}  // namespace

void add_devices_command(CLI::App& app) {
  app.add_subcommand("devices", "What this machine can paint with")->callback(devices);
}

}  // namespace vernissage
