// The program's commands; each adds itself to the command line and runs when it is chosen.
#pragma once

#include <CLI/CLI.hpp>

namespace vernissage::training {

void add_paint_command(CLI::App& app);
// Where libtorch is:
void add_train_generator_command(CLI::App& app);
void add_judge_generator_command(CLI::App& app);
void add_train_curator_command(CLI::App& app);
void add_judge_curator_command(CLI::App& app);

}  // namespace vernissage::training
