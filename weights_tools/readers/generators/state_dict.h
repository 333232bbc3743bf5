// Tensors by name, as state dicts hold them, whatever they are wrapped in: dicts of dicts, whole
// modules, safetensors. A wrapper's key becomes a part of the name: "g_ema.input.input".
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/formats/safetensors.h"
#include "weights_tools/checkpoint.h"
#include "weights_tools/containers/pickle_value.h"
#include "weights_tools/containers/tensor_source.h"
#include "weights_tools/containers/torch_tensor.h"

namespace vernissage {

/// A tensor that was named but not looked at: what nobody reads cannot be wrong. `source` throws
/// Error as to_tensor_source() does; what it views outlives it.
struct NamedTensorSource {
  std::string name;
  std::function<TensorSource()> source;
};
using StateDict = std::vector<NamedTensorSource>;

/// All tensors below `root`: of mappings under text keys, of modules among their parameters,
/// buffers and children. Anything else is passed over. Throws ParseError beyond depths and counts
/// that no checkpoint has.
StateDict state_dict_of(const PickleValue& root, const StorageReader& storage);
StateDict state_dict_of(const Safetensors& file);

enum class GeneratorFamily { nvidia, rosinality };

/// A generator among the tensors of a state dict.
struct FoundGenerator {
  GeneratorFamily family;
  std::string prefix;  // of its tensors' names, with the dot at its end; or empty
  bool trained;        // it is the network that was being trained, beside its average

  std::string name() const { return prefix.empty() ? "" : prefix.substr(0, prefix.size() - 1); }
};

/// Whether the names are those of a generator, of a family that is read or refused by name.
bool has_generator(const StateDict& tensors);

/// The generator to read: of several the one that its name says is the average, or the one that was
/// being trained. Throws Error when there is none or more than one to choose from; `keys` are what
/// the file holds at its top, for the message.
FoundGenerator choose_generator(const StateDict& tensors, NetworkChoice choice,
                                const std::string& keys);

/// The centre of truncation beside the generator at `prefix`: "latent_avg" there, or in what wraps
/// it. Null where there is none.
const NamedTensorSource* find_latent_avg(const StateDict& tensors, const std::string& prefix);

/// A centre of shape (W), or (1, W), or one row of (L, W) for every layer: then the rows must be
/// equal. Throws Error naming `what`.
TensorSource centre_of(TensorSource source, const std::string& what);

}  // namespace vernissage
