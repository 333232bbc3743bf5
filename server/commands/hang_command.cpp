#include "server/commands/hang_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "server/gallery/hang.h"

namespace vernissage {

void add_hang_command(CLI::App& app) {
  auto options = std::make_shared<gallery::HangOptions>();
  CLI::App* command =
      app.add_subcommand("hang", "Make an uncurated gallery of a network's paintings");
  command->add_option("model", options->model, "the network: our safetensors")->required();
  command->add_option("--out", options->out, "the gallery's directory; must not exist")->required();
  command->add_option("--name", options->name, "the gallery's name")->capture_default_str();
  command->add_option("--per-room", options->per_room, "paintings in each room")
      ->capture_default_str();
  command
      ->add_option("--trunc", options->truncation,
                   "truncation psi: 0 the average picture, 1 the whole variety")
      ->capture_default_str();
  command->callback([options] {
    gallery::hang_gallery(*options);
    std::printf("%s: %d paintings in each of 4 rooms\n", options->out.c_str(), options->per_room);
  });
}

}  // namespace vernissage
