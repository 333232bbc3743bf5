// What vernissage-bench takes beside Google Benchmark's own flags.
#pragma once

#include <string>

namespace vernissage::bench {

struct Options {
  int threads = 0;    // of the CPU backend and libtorch; 0: all
  int size = 1024;    // config-f 1024 or 256, for --layer, --profile
  int batch = 0;      // for --layer, --profile; 0: not said
  std::string layer;  // "b256.conv1": only this layer of the network; empty: everything
  enum class Profile { none, replay, forward };
  Profile profile = Profile::none;
  std::string predict;  // folder to write the prediction to; empty: measure
  bool help = false;
};

/// Takes our flags out of argv and leaves the rest. A flag's value follows after '=' or as the next
/// argument. Throws Error naming the flag and what it wants, also for a layer that the network does
/// not have.
Options take_options(int& argc, char** argv);

/// One line a flag.
const char* options_help();

}  // namespace vernissage::bench
