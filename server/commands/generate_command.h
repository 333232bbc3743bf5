#pragma once

namespace CLI {
class App;
}

namespace vernissage {

/// `generate MODEL --seeds … --outdir DIR`: one file a seed.
void add_generate_command(CLI::App& app);

}  // namespace vernissage
