// vernissage: the command line. Exit status 0 done, 1 something was not as it must be, 2 wrong
// usage.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>

#include "base/program_start.h"
#include "server/commands/curate_command.h"
#include "server/commands/devices_command.h"
#include "server/commands/embed_command.h"
#include "server/commands/generate_command.h"
#include "server/commands/hang_command.h"
#include "server/commands/ownership_commands.h"
#include "server/commands/rank_command.h"
#include "server/commands/serve_command.h"
#include "server/commands/walk_command.h"
#include "server/config/command_line.h"

namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

// Every failure is one line on stderr.
int fail(int status, std::string line) {
  while (!line.empty() && line.back() == '\n') line.pop_back();
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::fprintf(stderr, "vernissage: %s\n", line.c_str());
  return status;
}

// CLI11 says only that a command is missing when an unknown one was given.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> left = app.remaining();
  if (!app.get_subcommands().empty()) return error.what();
  std::string text = left.empty() ? "a command is missing" : "'" + left.front() + "' is no command";
  return text += "; vernissage --help lists them";
}

}  // namespace

int main(int argc, char** argv) {
  vernissage::start_program(argv);
  CLI::App app("A gallery of paintings that a generator paints: serve it, or paint by hand.",
               "vernissage");
  app.set_version_flag("--version", "vernissage " VERNISSAGE_VERSION);
  app.require_subcommand(1);
  vernissage::add_serve_command(app);
  vernissage::config::add_config_command(app);
  vernissage::add_hang_command(app);
  vernissage::add_curate_command(app);
  vernissage::add_audit_command(app);
  vernissage::add_verify_command(app);
  vernissage::add_backup_command(app);
  vernissage::add_rotate_keys_command(app);
  vernissage::add_generate_command(app);
  vernissage::add_walk_command(app);
  vernissage::add_embed_command(app);
  vernissage::add_rank_command(app);
  vernissage::add_devices_command(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {  // --help, --version
    app.exit(done);
  } catch (const CLI::ParseError& error) {
    return fail(kWrongUsage, usage_error(app, error));
  } catch (const std::bad_alloc&) {
    return fail(kFailed, "out of memory");
  } catch (const std::exception& error) {
    return fail(kFailed, error.what());
  }
  return vernissage::standard_output_written("vernissage") ? 0 : kFailed;
}
