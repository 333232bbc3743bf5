#include "tests/ptx/launches.h"

#include <cxxabi.h>
#include <elf.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>

#include "kernels/emulation/emulation.h"

extern "C" const char __executable_start;  // the linker's

namespace vernissage::ptx_runs {
namespace {

std::string demangled(const std::string& symbol) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), std::free);
  if (status != 0) throw PtxError(symbol + ": cannot be demangled");
  return text.get();
}

/// The functions of this program: place behind its first byte, to symbol.
std::map<uint64_t, std::string> own_functions() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::vector<char> image((std::istreambuf_iterator<char>(file)),
                                std::istreambuf_iterator<char>());
  const auto at = [&](size_t offset, size_t bytes) {
    if (offset + bytes > image.size()) throw PtxError("this program's symbols cannot be read");
    return image.data() + offset;
  };
  Elf64_Ehdr header;
  std::memcpy(&header, at(0, sizeof header), sizeof header);
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  std::memcpy(sections.data(), at(header.e_shoff, sections.size() * sizeof(Elf64_Shdr)),
              sections.size() * sizeof(Elf64_Shdr));
  std::map<uint64_t, std::string> functions;
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type != SHT_SYMTAB) continue;
    const Elf64_Shdr& names = sections.at(section.sh_link);
    for (size_t i = 0; i < section.sh_size / sizeof(Elf64_Sym); ++i) {
      Elf64_Sym symbol;
      std::memcpy(&symbol, at(section.sh_offset + i * sizeof symbol, sizeof symbol), sizeof symbol);
      if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_value != 0)
        functions[symbol.st_value] = at(names.sh_offset + symbol.st_name, 1);
    }
  }
  if (functions.empty()) throw PtxError("this program has no symbols: build it without -s");
  return functions;
}

/// "void vernissage::(anonymous namespace)::f<vernissage::f16>(…)" as "f<f16>".
std::string short_name(std::string name) {
  for (const char* part : {"(anonymous namespace)::", "vernissage::", "void "})
    for (size_t at; (at = name.find(part)) != std::string::npos;) name.erase(at, std::strlen(part));
  int depth = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    depth += (name[i] == '<') - (name[i] == '>');
    if (name[i] == '(' && depth == 0) return name.substr(0, i);
  }
  return name;
}

/// All kernels of all modules, by their demangled names: hosts and devices name a file's anonymous
/// namespace differently, and demangled it is the same.
class Kernels {
 public:
  explicit Kernels(const std::vector<std::string>& paths) : functions_(own_functions()) {
    for (const std::string& path : paths) {
      modules_.push_back(std::make_unique<Module>(path));
      for (const auto& entry : modules_.back()->entries())
        places_[demangled(entry.first)] = {modules_.back().get(), entry.first};
      for (const auto& entry : modules_.back()->globals())
        global_memory().allow(entry.second->bytes.data(), entry.second->bytes.size());
    }
  }
  /// Of a host kernel's address, its name and what the device has in its place.
  std::pair<std::string, const Kernel*> find(const void* address) {
    // A position-independent program's values are offsets from its start, another's are addresses.
    const uint64_t absolute = reinterpret_cast<uint64_t>(address);
    const uint64_t relative = absolute - reinterpret_cast<uint64_t>(&__executable_start);
    auto function = functions_.find(relative);
    if (function == functions_.end()) function = functions_.find(absolute);
    if (function == functions_.end()) throw PtxError("a kernel without a symbol was launched");
    const std::string name = demangled(function->second);
    const auto place = places_.find(name);
    if (place == places_.end()) throw PtxError(name + ": no PTX of it was given");
    return {short_name(name), &place->second.first->kernel(place->second.second)};
  }

 private:
  std::map<uint64_t, std::string> functions_;
  std::vector<std::unique_ptr<Module>> modules_;
  std::map<std::string, std::pair<Module*, std::string>> places_;
};

}  // namespace

GlobalMemory& global_memory() {
  static GlobalMemory memory;
  return memory;
}

PtxLaunches::PtxLaunches(const std::vector<std::string>& modules) {
  static Kernels kernels(modules);  // parsed once
  emulation::observe_launches([this](const emulation::Launch& launch) {
    const auto [name, kernel] = kernels.find(launch.kernel);
    const Grid grid = {{launch.grid[0], launch.grid[1], launch.grid[2]},
                       {launch.block[0], launch.block[1], launch.block[2]},
                       launch.shared_bytes};
    Machine machine(*kernel, global_memory(), grid,
                    {launch.parameters, launch.parameters + launch.parameter_bytes});
    launched_.push_back({name, grid, machine.run()});
  });
}
PtxLaunches::~PtxLaunches() {
  emulation::observe_launches(nullptr);
}

}  // namespace vernissage::ptx_runs
