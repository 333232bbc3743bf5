#include "training/gan/session.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "base/error.h"
#include "training/gan/samples.h"
#include "training/gan/state_files.h"

namespace vernissage::training {
namespace fs = std::filesystem;
namespace {

constexpr double kReportSeconds = 20;
constexpr int kGridColumns = 12;
constexpr int kGridPictures = 96;
constexpr int kAheadBatches = 4;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// "1 h 05 min"; below an hour "12 min 07 s".
std::string duration_text(double seconds) {
  char text[40];
  const int whole = int(seconds);
  if (whole >= 3600)
    std::snprintf(text, sizeof text, "%d h %02d min", whole / 3600, whole / 60 % 60);
  else
    std::snprintf(text, sizeof text, "%d min %02d s", whole / 60, whole % 60);
  return text;
}

// What a state must agree about with the run that goes on with it.
std::string fingerprint(const TrainerOptions& options) {
  const auto list = [](const std::vector<int>& numbers) {
    std::string text;
    for (const int number : numbers) text.append(" ").append(std::to_string(number));
    return text;
  };
  return "resolution " + std::to_string(options.network.resolution) + ", z " +
         std::to_string(options.network.z_dim) + ", w " + std::to_string(options.network.w_dim) +
         ", mapping" + list(options.network.mapping_widths) + ", widths" +
         list(options.network.widths) + ", discriminator" + list(options.discriminator.widths);
}

void save(const fs::path& folder, const Trainer& trainer, const TrainerOptions& options) {
  save_state(folder, trainer.images(), {trainer.state(), {{"training", fingerprint(options)}}});
}

void resume(const fs::path& folder, Trainer& trainer, const TrainerOptions& options) {
  const auto stored = load_newest_state(folder);
  if (!stored) return;
  const auto found = stored->metadata.find("training");
  const std::string of = found == stored->metadata.end() ? "nothing" : found->second;
  if (of != fingerprint(options))
    throw Error(folder.string() + ": expected the state of " + fingerprint(options) + "; got " +
                of);
  trainer.restore(stored->tensors);
}

void draw(const fs::path& folder, const Trainer& trainer, at::Device device) {
  char name[40];
  std::snprintf(name, sizeof name, "grid-%09lld.png", static_cast<long long>(trainer.images()));
  write_grid(folder / name, sample(trainer.network(), 0, kGridPictures, 1, device), kGridColumns);
}

}  // namespace

void run_session(const SessionOptions& session, const TrainerOptions& options,
                 const PaintPicture& paint, const std::function<bool()>& stop) {
  std::error_code status;
  fs::create_directories(session.state, status);
  if (status) throw Error(session.state.string() + ": " + status.message());
  Trainer trainer(options);
  resume(session.state, trainer, options);
  const int64_t at_start = trainer.images();
  std::fprintf(stderr, "training: from %lld images on\n", static_cast<long long>(at_start));

  PictureSource source(paint, options.network.resolution, uint64_t(at_start),
                       session.painter_threads, options.batch * kAheadBatches);
  const auto start = Clock::now();
  auto reported = start, saved = start, drawn = start;
  int64_t images_reported = at_start;
  const auto report = [&] {
    const TrainingReport numbers = trainer.take_report();
    const double rate = double(trainer.images() - images_reported) / seconds_since(reported);
    double left_s = double(session.images_max - trainer.images()) / std::max(rate, 1e-9);
    if (session.minutes_max > 0)
      left_s = std::min(left_s, session.minutes_max * 60 - seconds_since(start));
    std::fprintf(stderr,
                 "%lld images, %.1f images/s, %s left | loss G %.3f D %.3f | D real %+.2f painted "
                 "%+.2f | gradient %.4f | path %.3f | augmentation p %.3f at %.2f | step %.0f ms: "
                 "D %.0f, R1 %.0f, G %.0f, path %.0f\n",
                 static_cast<long long>(trainer.images()), rate,
                 duration_text(std::max(left_s, 0.0)).c_str(), numbers.generator_loss,
                 numbers.discriminator_loss, numbers.logit_real, numbers.logit_painted, numbers.r1,
                 numbers.path_length, numbers.augment_p, numbers.sureness, numbers.step_s * 1e3,
                 numbers.discriminator_s * 1e3, numbers.penalty_s * 1e3, numbers.generator_s * 1e3,
                 numbers.path_s * 1e3);
    reported = Clock::now();
    images_reported = trainer.images();
  };
  while (trainer.images() < session.images_max && !stop() &&
         !(session.minutes_max > 0 && seconds_since(start) >= session.minutes_max * 60)) {
    trainer.step(source.next(options.batch));
    if (seconds_since(reported) >= kReportSeconds) report();
    if (session.grid_minutes > 0 && seconds_since(drawn) >= session.grid_minutes * 60) {
      draw(session.state, trainer, options.device);
      drawn = Clock::now();
    }
    if (seconds_since(saved) >= session.save_minutes * 60) {
      save(session.state, trainer, options);
      saved = Clock::now();
    }
  }
  if (trainer.images() > images_reported) report();
  save(session.state, trainer, options);
  draw(session.state, trainer, options.device);

  auto notes = session.notes;
  notes["trained_images"] = std::to_string(trainer.images());
  Network network = trainer.network();
  network.config.untrained = trainer.images() == 0;
  save_network(session.out, network, notes, DType::f16);
  std::fprintf(stderr, "training: %lld images in all, %s\n",
               static_cast<long long>(trainer.images()), session.out.c_str());
}

}  // namespace vernissage::training
