#pragma once

namespace CLI {
class App;
}

namespace vernissage {

/// `vernissage serve --gallery DIR [--host …] [--port …] [--device …] [--threads N] [--web-root
/// DIR]`
void add_serve_command(CLI::App& app);

}  // namespace vernissage
