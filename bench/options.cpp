#include "bench/options.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "bench/model/work.h"

namespace vernissage::bench {
namespace {

int positive(const std::string& flag, const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1)
    throw Error(flag + " wants a positive number, got \"" + text + "\"");
  return value;
}

Options::Profile profile_of(const std::string& text) {
  if (text.empty() || text == "replay") return Options::Profile::replay;
  if (text == "forward") return Options::Profile::forward;
  throw Error("--profile wants \"replay\" or \"forward\", got \"" + text + "\"");
}

void check_layer(const Options& options) {
  std::string all;
  for (const std::string& name : operation_names(config_f(options.size))) {
    if (name == options.layer) return;
    all += (all.empty() ? "" : ", ") + name;
  }
  throw Error("--layer: config-f " + std::to_string(options.size) + " has no \"" + options.layer +
              "\"; it has " + all);
}

}  // namespace

Options take_options(int& argc, char** argv) {
  Options options;
  std::vector<char*> rest = {argv[0]};
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const size_t equals = argument.find('=');
    const std::string flag(argument.substr(0, equals));
    const auto value = [&]() -> std::string {
      if (equals != std::string_view::npos) return std::string(argument.substr(equals + 1));
      if (i + 1 == argc) throw Error(flag + " wants a value");
      return argv[++i];
    };
    if (flag == "--threads") {
      options.threads = positive(flag, value());
    } else if (flag == "--size") {
      options.size = positive(flag, value());
      if (options.size != 1024 && options.size != 256)
        throw Error("--size wants 1024 or 256, got " + std::to_string(options.size));
    } else if (flag == "--batch") {
      options.batch = positive(flag, value());
    } else if (flag == "--layer") {
      options.layer = value();
    } else if (flag == "--profile") {  // its value is optional, so it follows only after '='
      options.profile = profile_of(
          equals == std::string_view::npos ? "" : std::string(argument.substr(equals + 1)));
    } else if (flag == "--predict") {
      options.predict = value();
    } else if (flag == "--help") {
      options.help = true;
    } else {
      rest.push_back(argv[i]);
    }
  }
  if (!options.layer.empty()) check_layer(options);
  argc = int(rest.size());
  for (int i = 0; i < argc; ++i) argv[i] = rest[size_t(i)];
  return options;
}

const char* options_help() {
  return
      R"(vernissage-bench [FLAG…]   measures everything that this build and this machine can measure
  --threads N           of the CPU backend and libtorch; all cores unless said
  --layer NAME          one layer of the network on the CUDA device, e.g. b256.conv1; also "mapping"
  --batch N             for --layer and --profile; 1 unless said
  --size 1024|256       which config-f, for --layer and --profile; 1024 unless said
  --profile[=replay]    one replay of the recorded image between cudaProfilerStart and cudaProfilerStop
  --profile=forward     one image launch by launch, an NVTX range a layer; with --layer only that layer
                        lies between Start and Stop
  --predict DIR         no measurement: DIR/prediction.md and DIR/prediction.json
  --benchmark_filter=REGEX, --benchmark_out=FILE.json, --benchmark_list_tests and the others of
                        Google Benchmark
)";
}

}  // namespace vernissage::bench
