// Files as torch writes them, made for a test: a zip of stored entries and the pickle inside.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/tensor.h"

namespace vernissage::testing {

struct ZipEntry {
  std::string name, data;
  uint16_t method = 0;  // 0: stored; with another the data is taken as already packed
};
std::string zip_bytes(const std::vector<ZipEntry>& entries);

/// Pickle, protocol 2, piece by piece: values are their opcodes.
std::string pickle_text(std::string_view text);  // BINUNICODE
std::string pickle_dict(const std::vector<std::pair<std::string, std::string>>& entries);

/// An archive in the making. Tensors become values of its pickle and storages of their own.
class TorchFile {
 public:
  /// A float tensor, or a count (0-d int64), as a pickle value.
  std::string tensor(const Tensor& tensor);
  std::string counter(int64_t value);
  /// An object of a TorchScript class with these attributes.
  static std::string module(const std::vector<std::pair<std::string, std::string>>& attributes);

  /// The whole archive around one value; further entries, e.g. TorchScript's, lie beside data.pkl.
  std::string bytes(const std::string& root, const std::vector<ZipEntry>& further = {},
                    const std::string& version = "3\n") const;

 private:
  std::string storage(const char* type, int64_t count, std::string data);

  std::vector<std::string> storages_;
};

}  // namespace vernissage::testing
