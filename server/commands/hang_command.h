#pragma once

namespace CLI {
class App;
}

namespace vernissage {

/// `vernissage hang MODEL --out DIR [--name …] [--per-room N] [--trunc PSI]`
void add_hang_command(CLI::App& app);

}  // namespace vernissage
