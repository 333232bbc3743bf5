// The options that say which pictures a command trains on or judges with.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "training/dataset/picture_set.h"

namespace vernissage::training {

struct DatasetOptions {
  std::string data, labels, cache;
  PictureSetOptions set;

  bool is_given() const { return !data.empty(); }
};

/// --data, --labels, --only, --exclude, --hold-out, --cache, --no-mirror.
void add_dataset_options(CLI::App& command, DatasetOptions& options);

/// Reads the set and says on stderr what it holds. `cache`: where to keep it when --cache is not
/// given.
std::shared_ptr<const PictureSet> read_picture_set(const DatasetOptions& options, int size,
                                                   int threads, const std::string& cache);

}  // namespace vernissage::training
