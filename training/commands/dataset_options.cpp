#include "training/commands/dataset_options.h"

#include <cstdio>

#include "base/error.h"
#include "base/ranges.h"

namespace vernissage::training {

void add_dataset_options(CLI::App& command, DatasetOptions& options) {
  DatasetOptions& o = options;
  const char* group = "Pictures";
  command
      .add_option(
          "--data", o.data,
          "A folder or an archive (tar, tar.gz, tar.xz, tar.zst, zip) of PNG, JPEG and WebP "
          "pictures; without it, the painter's")
      ->group(group);
  command.add_option("--labels", o.labels, "CSV with a column \"file\", for --only and captions")
      ->group(group);
  command
      .add_option("--only", o.set.only,
                  "COLUMN=VALUE,VALUE…: only pictures labelled so; repeatable")
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--exclude", o.set.exclude, "COLUMN=VALUE,VALUE…: without those; repeatable")
      ->allow_extra_args(false)
      ->group(group);
  command
      .add_option("--hold-out", o.set.hold_out,
                  "One picture in so many, by its name, is never trained on; 0: none")
      ->check(from_to(0, 1 << 20))
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--cache", o.cache, "Folder of the decoded pictures; default: beside the results")
      ->group(group);
  command.add_flag("!--no-mirror", o.set.mirror, "Never swap left and right")->group(group);
}

std::shared_ptr<const PictureSet> read_picture_set(const DatasetOptions& options, int size,
                                                   int threads, const std::string& cache) {
  PictureSetOptions set = options.set;
  set.source = options.data;
  set.labels = options.labels;
  set.cache = options.cache.empty() ? cache : options.cache;
  set.size = size;
  set.threads = threads;
  auto read = std::make_shared<const PictureSet>(set);
  std::fprintf(stderr, "data: %s\n", read->summary().c_str());
  return read;
}

}  // namespace vernissage::training
