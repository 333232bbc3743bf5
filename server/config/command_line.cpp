#include "server/config/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/error.h"

namespace vernissage::config {
namespace {

constexpr char kFile[] = "vernissage.toml";
constexpr char kFileVariable[] = "VERNISSAGE_CONFIG";

struct Flags {
  std::map<std::string, std::string, std::less<>> texts;  // of every setting; unused ones empty
  std::string file;
};

// "" when the text can be read: what CLI11 asks of a validator.
std::string complaint(const Setting& setting, const std::string& text) {
  Settings settings;
  try {
    set_value(setting, text, &settings);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string default_text(const Setting& setting) {
  const std::string text = value_text(setting, Settings{});
  return text.empty() ? "" : "[" + text + "]";
}

InForce resolve(const CLI::App& command, const Flags& flags) {
  Sources sources;
  sources.environment = [](const char* name) -> const char* { return std::getenv(name); };
  for (const Setting& setting : settings_table()) {
    const std::string name(setting.name);
    if (command.count("--" + name) > 0) sources.flags[name] = flags.texts.at(name);
  }
  const char* named = std::getenv(kFileVariable);
  if (!flags.file.empty()) {
    sources.file = flags.file;
  } else if (named && *named) {
    sources.file = named;
  } else if (std::filesystem::exists(kFile)) {
    sources.file = kFile;
  }
  return config::resolve(sources);
}

}  // namespace

void add_settings(CLI::App& command, std::function<void(const InForce&)> run) {
  auto flags = std::make_shared<Flags>();
  for (const Setting& setting : settings_table()) {
    const std::string name(setting.name);
    command.add_option("--" + name, flags->texts[name], std::string(setting.help))
        ->check(CLI::Validator(
            [&setting](const std::string& text) { return complaint(setting, text); }, ""))
        ->type_name(default_text(setting));
  }
  command.add_option("--config", flags->file,
                     "settings file; without it $VERNISSAGE_CONFIG, then ./vernissage.toml");
  command.footer(
      "A setting left out here is taken from the environment (VERNISSAGE_HTTP_THREADS for\n"
      "--http-threads), then from the settings file (http-threads = 2), then from its default.");
  command.callback([&command, flags, run = std::move(run)] { run(resolve(command, *flags)); });
}

void add_config_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "config", "Print the settings that serve would run with, and their origin");
  add_settings(*command,
               [](const InForce& in_force) { std::fputs(to_toml(in_force).c_str(), stdout); });
}

}  // namespace vernissage::config
