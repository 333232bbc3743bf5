#include "weights_tools/containers/torch_module.h"

#include <utility>

#include "base/error.h"

namespace vernissage {
namespace {

const PickleValue& required(const PickleValue& mapping, const std::string& key,
                            const std::string& path) {
  const PickleValue* value = find(mapping, key);
  if (value == nullptr) throw ParseError(mapping.offset, path + ": has no " + key);
  return *value;
}

/// An object of a class without meaning here whose attributes are a module's.
bool is_plain_module(const PickleValue& value) {
  return value.is_call(Global::unknown) && value.state != nullptr && is_mapping(*value.state) &&
         find(*value.state, "_modules") != nullptr && find(*value.state, "_parameters") != nullptr;
}

}  // namespace

bool is_torch_module(const PickleValue& value) {
  return value.is_call(Global::persistent_object) || is_plain_module(value);
}

TorchModule::TorchModule(const PickleValue& value, std::string path) : path_(std::move(path)) {
  if (is_plain_module(value)) {
    const std::string_view whole = value.text();
    class_name_ = printable(whole.substr(whole.rfind('.') + 1));
    state_ = value.state;
    return;
  }
  if (!value.is_call(Global::persistent_object)) {
    throw ParseError(value.offset, path_ + ": expected a network, got " + describe(value));
  }
  if (value.arguments->items.size() != 1) {
    throw ParseError(value.offset, path_ + ": a module with " +
                                       std::to_string(value.arguments->items.size()) +
                                       " arguments, expected 1");
  }
  const PickleValue& meta = to_mapping(*value.arguments->items[0], path_ + ": meta");
  const std::string_view type = to_text(required(meta, "type", path_), path_ + ": type");
  if (type != "class")
    throw ParseError(meta.offset, path_ + ": type \"" + printable(type) + "\", expected \"class\"");
  constexpr int64_t kVersion = 6;
  const int64_t version = to_integer(required(meta, "version", path_), path_ + ": version");
  if (version != kVersion) {
    throw ParseError(meta.offset, path_ + ": persistence version " + std::to_string(version) +
                                      ", expected " + std::to_string(kVersion));
  }
  class_name_ = printable(to_text(required(meta, "class_name", path_), path_ + ": class_name"));
  state_ = &to_mapping(required(meta, "state", path_), path_ + ": state");
}

void TorchModule::expect_class(const std::string& name) const {
  if (class_name_ != name) {
    throw ParseError(state_->offset, path_ + ": a " + class_name_ + ", expected a " + name);
  }
}

bool TorchModule::has(const std::string& attribute) const {
  return find(*state_, attribute) != nullptr;
}

const PickleValue& TorchModule::attribute(const std::string& name) const {
  return required(*state_, name, path_);
}

int TorchModule::integer(const std::string& name) const {
  constexpr int64_t kMax = 1 << 20;
  const PickleValue& value = attribute(name);
  const int64_t number = to_integer(value, path_ + "." + name);
  if (number < 0 || number > kMax) {
    throw ParseError(value.offset,
                     path_ + "." + name + ": " + std::to_string(number) + " is out of range");
  }
  return static_cast<int>(number);
}

double TorchModule::number(const std::string& name) const {
  return to_number(attribute(name), path_ + "." + name);
}
bool TorchModule::boolean(const std::string& name) const {
  return to_boolean(attribute(name), path_ + "." + name);
}
std::string_view TorchModule::text(const std::string& name) const {
  return to_text(attribute(name), path_ + "." + name);
}

void TorchModule::collect(const char* dict, std::vector<Named>& into) const {
  const PickleValue& mapping = to_mapping(attribute(dict), path_ + "." + dict);
  constexpr size_t kEntriesMax = 1000;  // hundreds at most in any module
  if (mapping.entries.size() > kEntriesMax) {
    throw ParseError(mapping.offset,
                     path_ + "." + dict + ": " + std::to_string(mapping.entries.size()) +
                         " entries, expected at most " + std::to_string(kEntriesMax));
  }
  for (const auto& [key, value] : mapping.entries) {
    if (!value->is_none()) into.push_back({to_text(*key, path_ + "." + dict), value});
  }
}

std::vector<TorchModule::Named> TorchModule::tensors() const {
  std::vector<Named> all;
  collect("_parameters", all);
  collect("_buffers", all);
  return all;
}

std::vector<TorchModule::Named> TorchModule::children() const {
  std::vector<Named> all;
  collect("_modules", all);
  return all;
}

bool TorchModule::has_child(const std::string& name) const {
  const PickleValue* found = find(to_mapping(attribute("_modules"), path_ + "._modules"), name);
  return found != nullptr && !found->is_none();
}

TorchModule TorchModule::child(const std::string& name) const {
  const PickleValue& modules = to_mapping(attribute("_modules"), path_ + "._modules");
  const PickleValue* found = find(modules, name);
  if (found == nullptr || found->is_none()) {
    throw ParseError(modules.offset, path_ + ": has no " + name);
  }
  return TorchModule(*found, path_ + "." + name);
}

}  // namespace vernissage
