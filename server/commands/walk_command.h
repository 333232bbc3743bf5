#pragma once

namespace CLI {
class App;
}

namespace vernissage {

/// `walk MODEL --seeds … --frames N --out FILE.webp`: a closed journey through w space, as an
/// animation.
void add_walk_command(CLI::App& app);

}  // namespace vernissage
