// One sitting of a training: from the newest state, for a while, to a state and a network.
#pragma once

#include <filesystem>
#include <functional>

#include "training/dataset/picture_source.h"
#include "training/gan/trainer.h"

namespace vernissage::training {

struct SessionOptions {
  std::filesystem::path state;  // folder of states and grids; made when missing
  std::filesystem::path out;    // the averaged network, safetensors of f16
  int64_t images_max = 0;       // seen by the training in all
  double minutes_max = 0;       // of this sitting; 0: no bound
  double save_minutes = 5;
  double grid_minutes = 5;
  int painter_threads = 1;
  std::map<std::string, std::string> notes;  // metadata of the network
};

/// Trains, telling its progress on stderr, until images_max, minutes_max or stop() says true. Then,
/// and every save_minutes, writes the state. Throws Error: a state of another network, a folder
/// that cannot be written, a training that has diverged.
void run_session(const SessionOptions& session, const TrainerOptions& options,
                 const PaintPicture& paint, const std::function<bool()>& stop);

}  // namespace vernissage::training
