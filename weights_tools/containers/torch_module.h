// torch.nn.Module as it stands in a checkpoint: attributes, tensors, children. Source:
// torch.nn.Module's __dict__, and the persistence format of the official releases, version 6.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "weights_tools/containers/pickle_value.h"

namespace vernissage {

/// Is it a module: of the official releases' persistence, or an object of any class with a module's
/// dict of children?
bool is_torch_module(const PickleValue& value);

class TorchModule {
 public:
  /// `path` is for messages: "G_ema.synthesis.b8". Throws ParseError when the value is neither a
  /// module of persistence version 6 nor an object with a module's attributes, whose class's last
  /// name counts.
  TorchModule(const PickleValue& value, std::string path);

  const std::string& path() const { return path_; }
  const std::string& class_name() const { return class_name_; }
  /// Throws ParseError unless the class is this one.
  void expect_class(const std::string& name) const;

  bool has(const std::string& attribute) const;
  /// Attributes by type. Throw ParseError naming the attribute when it is missing or of another
  /// type.
  const PickleValue& attribute(const std::string& name) const;
  int integer(const std::string& name) const;  // 0 … 2^20
  double number(const std::string& name) const;
  bool boolean(const std::string& name) const;
  std::string_view text(const std::string& name) const;

  struct Named {
    std::string_view name;
    const PickleValue* value;
  };
  /// Parameters and buffers that are not None; children that are not None.
  std::vector<Named> tensors() const;
  std::vector<Named> children() const;
  bool has_child(const std::string& name) const;
  TorchModule child(const std::string& name) const;

 private:
  void collect(const char* dict, std::vector<Named>& into) const;

  std::string path_;
  std::string class_name_;
  const PickleValue* state_;
};

}  // namespace vernissage
