#pragma once

namespace CLI {
class App;
}

namespace vernissage {

/// `devices`: what this machine offers, and what --device auto would take.
void add_devices_command(CLI::App& app);

}  // namespace vernissage
