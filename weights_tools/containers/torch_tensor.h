// Torch's tensors as they stand in a pickle: a storage (a run of elements of one type) and a
// strided view of it. Source: torch._utils._rebuild_tensor_v2 and torch.Tensor.stride.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/tensor.h"
#include "weights_tools/containers/pickle_value.h"
#include "weights_tools/containers/tensor_source.h"

namespace vernissage {

/// What a storage class says of its elements. Some have types that no network here is made of; they
/// are refused where a tensor of them is needed.
struct StorageType {
  std::optional<DType> dtype;
  int64_t bytes = 0;  // of an element
  std::string name;   // "torch.QInt8Storage"

  bool operator==(const StorageType&) const = default;
};
/// Throws ParseError for a value that is no storage class, or of unknown element size.
StorageType storage_type(const PickleValue& storage_class);

/// A run of elements inside the mapped file.
struct TorchStorage {
  StorageType type;
  std::span<const std::byte> bytes;

  int64_t count() const { return static_cast<int64_t>(bytes.size()) / type.bytes; }
};

/// Whether a persistent id stands for a class and its source text, as the old container writes them
/// beside whole modules: it names no storage.
bool is_class_id(const PickleValue& id);

/// The parts of ('storage', class, key, location, count[, view]), checked. Throws ParseError.
struct StorageId {
  StorageType type;
  std::string_view key;
  int64_t count;            // elements
  const PickleValue* view;  // (key, offset, count) of a part of it, or null
};
StorageId to_storage_id(const PickleValue& value);

/// Finds the storage that the first argument of a tensor names: how depends on the container.
using StorageReader = std::function<TorchStorage(const PickleValue&)>;

/// A call of _rebuild_tensor_v2, or a parameter?
bool is_tensor(const PickleValue& value);

/// The tensor that `value` describes: a call of _rebuild_tensor_v2, or of _rebuild_parameter around
/// one. Its view is checked against its storage. Throws ParseError naming `what` for anything else,
/// for a view that leaves its storage or has more elements than it (an expanded view), and for any
/// dtype but f16, bf16, f32, f64. The storage's bytes outlive the source.
TensorSource to_tensor_source(const PickleValue& value, const std::string& what,
                              const StorageReader& storage);

}  // namespace vernissage
