// Pictures of files as training data: decoded once, cut to their middle square, reduced, and kept
// in a memory-mapped file; with labels, chosen by them, in an order that depends on the position
// alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/formats/safetensors.h"
#include "training/dataset/csv.h"

namespace vernissage::training {

struct PictureSetOptions {
  std::filesystem::path source;  // a folder or an archive
  std::filesystem::path labels;  // a CSV table with a column "file"; empty: none
  std::filesystem::path cache;   // the folder of the decoded pictures; made when missing
  int size = 64;                 // S
  int threads = 1;               // that decode
  /// "COLUMN=VALUE,VALUE…", VALUE may be empty. Of those pictures only; without those pictures.
  std::vector<std::string> only, exclude;
  int hold_out = 16;   // one picture in so many, by its name, is for judging only; 0: none
  bool mirror = true;  // left and right by turns
};

inline constexpr int kPictureSideMin = 8, kPictureSideMax = 1024;

class PictureSet {
 public:
  enum class Part { training, held_out };

  /// Reads the source, or the cache when the source has not changed since. What cannot be decoded,
  /// or is smaller than S, is skipped and named on stderr, with a count. Throws Error: S is no
  /// power of two from kPictureSideMin to kPictureSideMax; nothing is left to train on; more than
  /// half cannot be decoded; a choice names an unknown column or a value that no picture has; what
  /// for_each_file() and read_csv() throw.
  explicit PictureSet(const PictureSetOptions& options);

  int size() const { return size_; }
  int64_t count(Part part) const { return std::ssize(indices(part)); }
  const std::string& name(Part part, int64_t i) const;
  /// (S, S, 3) bytes.
  std::span<const uint8_t> pixels(Part part, int64_t i) const;
  /// Of the picture's row; empty where there is no such column or no row.
  std::string label(Part part, int64_t i, const std::string& column) const;

  /// The training picture at a position of an endless sequence that shows all of them, in another
  /// order each time; which and whether it is mirrored.
  struct Place {
    int64_t picture = 0;  // of Part::training
    bool is_mirrored = false;
  };
  Place place(uint64_t position) const;
  /// Writes it into (S, S, 3) bytes. Safe from several threads at once.
  void show(uint64_t position, std::span<uint8_t> rgb) const;

  /// One line: how many there are, were skipped, were chosen, are held out.
  const std::string& summary() const { return summary_; }

 private:
  const std::vector<int64_t>& indices(Part part) const {
    return part == Part::training ? training_ : held_out_;
  }
  void divide(const PictureSetOptions& options);

  int size_;
  bool mirror_;
  std::unique_ptr<MappedFile> file_;
  std::span<const std::byte> pixels_;
  std::vector<std::string> names_;
  CsvTable labels_;
  std::vector<int64_t> rows_;  // of labels_, by picture; -1: none
  std::vector<int64_t> training_, held_out_;
  std::string summary_;
};

}  // namespace vernissage::training
