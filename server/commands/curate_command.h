// vernissage curate.
#pragma once

namespace CLI {
class App;
}

namespace vernissage {

void add_curate_command(CLI::App& app);

}  // namespace vernissage
