#include "bench/report/machine.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <thread>

namespace vernissage::bench {
namespace {

// First line that a command prints; empty when it cannot be run.
std::string first_line(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen((command + " 2>/dev/null").c_str(), "r"),
                                                   pclose);
  char line[512];
  if (!pipe || !std::fgets(line, sizeof line, pipe.get())) return {};
  std::string text = line;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

// Those of the processor's flags that decide which code a library picks.
std::string vector_extensions() {
  const std::set<std::string> telling = {"avx2", "avx512f", "avx512_vnni", "avx512_bf16",
                                         "amx_bf16"};
  std::ifstream file("/proc/cpuinfo");
  std::ostringstream found;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("flags")) continue;
    std::istringstream words(line);
    for (std::string word; words >> word;)
      if (telling.contains(word)) found << ' ' << word;
    break;
  }
  return found.str();
}

std::string load_average() {
  std::ifstream file("/proc/loadavg");
  std::string one, five, fifteen;
  file >> one >> five >> fifteen;
  return one + " " + five + " " + fifteen + " (1, 5, 15 minutes, at the start)";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> machine_facts() {
  std::vector<std::pair<std::string, std::string>> facts;
  facts.emplace_back("processor", processor() + ", " +
                                      std::to_string(std::thread::hardware_concurrency()) +
                                      " hardware threads," + vector_extensions());
  facts.emplace_back("load", load_average());
#if defined(__clang__)
  facts.emplace_back("compiler", "clang " __clang_version__);
#else
  facts.emplace_back("compiler", "gcc " __VERSION__);
#endif
  const std::string revision =
      first_line("git -C '" VERNISSAGE_SOURCE_DIR "' describe --always --dirty --abbrev=12");
  facts.emplace_back("revision", revision.empty() ? "unknown" : revision);
  facts.emplace_back("cuda device", device_state());
  return facts;
}

std::string device_state() {
  const std::string device = first_line(
      "nvidia-smi --format=csv,noheader "
      "--query-gpu=name,driver_version,clocks.sm,clocks.max.sm,clocks.mem,temperature.gpu,power."
      "draw,power.limit");
  if (device.empty()) return "none";
  return device +
         " (name, driver, SM clock, its maximum, memory clock, degrees Celsius, power drawn, its "
         "limit)";
}

std::string blas_in_use() {
  std::set<std::string> found;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const size_t slash = line.find('/');
    if (slash == std::string::npos) continue;
    const std::filesystem::path path = line.substr(slash);
    const std::string name = path.filename();
    if (name.starts_with("libblas") || name.starts_with("libopenblas") ||
        name.starts_with("libmkl_core"))
      found.insert(path.string());
  }
  std::string text;
  for (const std::string& path : found) text += (text.empty() ? "" : ", ") + path;
  return text.empty() ? "none" : text;
}

}  // namespace vernissage::bench
