// The container torch.save writes since version 1.6: a zip archive with one top folder that holds
// data.pkl, version and data/<key>, one entry a storage. Ours: the one library that reads it is
// libtorch, which converting a network must not need, and which unpickles.
#pragma once

#include <set>
#include <span>
#include <string>
#include <utility>

#include "weights_tools/containers/pickle.h"
#include "weights_tools/containers/torch_tensor.h"
#include "weights_tools/containers/zip_archive.h"

namespace vernissage {

bool looks_like_zip(std::span<const std::byte> bytes);

/// A whole archive; views into its bytes, which outlive it.
class TorchArchive {
 public:
  /// A module compiled to TorchScript lies in the same container; its classes and code come from
  /// the file. Its attributes can be read as data like all else; its code never is.
  enum class Scripts { refuse, read };
  /// Throws ParseError; a TorchScript archive is refused by name unless `scripts` says otherwise.
  explicit TorchArchive(std::span<const std::byte> bytes, Scripts scripts = Scripts::refuse);

  bool is_script() const { return is_script_; }
  const PickleValue& object() const { return object_.root(); }
  const PickleDocument& document() const { return object_; }
  /// The storage that a persistent id of the object names, its checksum compared. Throws
  /// ParseError.
  TorchStorage storage(const PickleValue& id) const;

 private:
  /// The bytes of <top>/<name>, checksum compared; throws ParseError when it is missing.
  std::span<const std::byte> file(const std::string& name) const;
  std::string storage_name(const StorageId& id) const;
  /// What a persistent id says, and the entry that must fit it. Throws ParseError.
  std::pair<StorageId, const ZipArchive::Entry*> storage_entry(const PickleValue& id) const;

  ZipArchive zip_;
  std::string top_;  // with its slash
  bool is_script_ = false;
  PickleDocument object_;
  mutable std::set<std::string> checked_;  // keys of storages whose checksum was compared
};

}  // namespace vernissage
