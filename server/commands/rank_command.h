#pragma once

namespace CLI {
class App;
}

namespace vernissage {

/// `rank --curator C --text … DIR`: the pictures of a folder that fit a text best.
void add_rank_command(CLI::App& app);

}  // namespace vernissage
