// The settings as flags of a command, resolved with the environment and vernissage.toml.
#pragma once

#include <functional>

#include "server/config/settings.h"

namespace CLI {
class App;
}

namespace vernissage::config {

/// Gives `command` a flag for each setting and --config FILE, and calls `run` with what is in force
/// when the command is given. The file is the one named by --config, else by VERNISSAGE_CONFIG,
/// else ./vernissage.toml where there is one.
void add_settings(CLI::App& command, std::function<void(const InForce&)> run);

/// `vernissage config [the flags of serve]`: prints what would be in force, and from where.
void add_config_command(CLI::App& app);

}  // namespace vernissage::config
