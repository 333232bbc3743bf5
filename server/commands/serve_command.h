#pragma once

namespace CLI {
class App;
}

namespace vernissage {

/// `vernissage serve --gallery DIR …`: the settings are config::settings_table().
void add_serve_command(CLI::App& app);

}  // namespace vernissage
