// vernissage-train: training pictures, and the networks that are trained on them.
//
// Exit status: 0 done; 1 something is not as it must be, with one line that says what; 2 the
// command line is wrong.
#include <cstdio>
#include <new>
#include <string>

#include "base/error.h"
#include "base/program_start.h"
#include "training/commands/commands.h"

namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

int run(int argc, char** argv) {
  CLI::App app("Paints training pictures and trains the small networks that come with Vernissage.",
               "vernissage-train");
  app.require_subcommand(1);
  vernissage::training::add_paint_command(app);
#ifdef VERNISSAGE_TRAINING_GAN
  vernissage::training::add_train_generator_command(app);
  vernissage::training::add_judge_generator_command(app);
#endif
#ifdef VERNISSAGE_TRAINING_CURATOR
  vernissage::training::add_train_curator_command(app);
  vernissage::training::add_judge_curator_command(app);
#endif
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (app.exit(error) != 0) return kUsage;
  }
  return vernissage::standard_output_written("vernissage-train") ? 0 : kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  vernissage::start_program(argv);
  try {
    return run(argc, argv);
  } catch (const vernissage::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "error: out of memory\n");
  } catch (const std::exception& error) {  // libtorch's: its first line says what is wrong
    const std::string what = error.what();
    std::fprintf(stderr, "error: %s\n", what.substr(0, what.find('\n')).c_str());
  }
  return kFailed;
}
