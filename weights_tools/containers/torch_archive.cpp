#include "weights_tools/containers/torch_archive.h"

#include <algorithm>

#include "base/error.h"

namespace vernissage {
namespace {

std::string as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string only_top_folder(const ZipArchive& zip) {
  std::string top;
  for (const auto& [name, entry] : zip.entries()) {
    const std::string first = name.substr(0, name.find('/') + 1);
    if (first.empty()) {
      throw ParseError(entry.offset, "zip entry \"" + printable(name) + "\" lies in no folder");
    }
    if (!top.empty() && first != top) {
      throw ParseError(entry.offset, "zip: two top folders, \"" + printable(top) + "\" and \"" +
                                         printable(first) + "\", expected one");
    }
    top = first;
  }
  if (top.empty()) throw ParseError(0, "zip: an empty archive");
  return top;
}

}  // namespace

bool looks_like_zip(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && bytes[0] == std::byte{'P'} && bytes[1] == std::byte{'K'} &&
         (bytes[2] == std::byte{3} || bytes[2] == std::byte{5});
}

TorchArchive::TorchArchive(std::span<const std::byte> bytes, Scripts scripts)
    : zip_(bytes), top_(only_top_folder(zip_)) {
  for (const auto& [name, entry] : zip_.entries()) {
    if (name != top_ + "constants.pkl" && !name.starts_with(top_ + "code/")) continue;
    if (scripts == Scripts::refuse) {
      throw ParseError(entry.offset,
                       "a TorchScript archive, expected a checkpoint written by torch.save");
    }
    is_script_ = true;
  }
  // Trailing line feeds and spaces are the writer's habit.
  const auto word = [&](const std::string& name) {
    std::string text = as_text(file(name));
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text;
  };
  // The number is raised for new meanings of operators, which only TorchScript's code uses.
  const auto known = [](const std::string& version) {
    return (version.size() == 1 && version[0] >= '1' && version[0] <= '9') || version == "10";
  };
  const std::string stated =
      zip_.entries().contains(top_ + ".data/version") ? ".data/version" : "version";
  if (const std::string version = word(stated); !known(version)) {
    throw ParseError(zip_.entries().at(top_ + stated).offset,
                     "torch archive: version \"" + printable(version) + "\", expected 1 to 10");
  }
  if (zip_.entries().contains(top_ + "byteorder") && word("byteorder") != "little") {
    throw ParseError(
        zip_.entries().at(top_ + "byteorder").offset,
        "torch archive: byte order \"" + printable(word("byteorder")) + "\", expected \"little\"");
  }
  const auto pickle = file("data.pkl");
  const uint64_t base = zip_.entries().at(top_ + "data.pkl").offset;
  object_ = parse_pickle(
      pickle, {.base_offset = base, .persistent_ids = true, .script_classes = is_script_});
  if (object_.end() != pickle.size()) {
    throw ParseError(base + object_.end(), std::to_string(pickle.size() - object_.end()) +
                                               " bytes after the end of data.pkl");
  }
}

std::span<const std::byte> TorchArchive::file(const std::string& name) const {
  const auto entry = zip_.entries().find(top_ + name);
  if (entry == zip_.entries().end()) {
    throw ParseError(0, "torch archive: \"" + printable(top_ + name) + "\" is missing");
  }
  return ZipArchive::checked(entry->first, entry->second);
}

TorchStorage TorchArchive::storage(const PickleValue& value) const {
  const auto [id, entry] = storage_entry(value);
  if (checked_.emplace(id.key).second) ZipArchive::checked(storage_name(id), *entry);
  return {id.type, entry->bytes};
}

std::string TorchArchive::storage_name(const StorageId& id) const {
  return top_ + "data/" + std::string(id.key);
}

std::pair<StorageId, const ZipArchive::Entry*> TorchArchive::storage_entry(
    const PickleValue& value) const {
  const StorageId id = to_storage_id(value);
  constexpr size_t kKeyMax = 20;
  const bool digits = !id.key.empty() && id.key.size() <= kKeyMax &&
                      std::ranges::all_of(id.key, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) {
    throw ParseError(value.offset, "storage key \"" + printable(id.key) + "\", expected a number");
  }
  if (id.view != nullptr) throw ParseError(value.offset, "a storage view in a zip archive");
  const auto found = zip_.entries().find(storage_name(id));
  if (found == zip_.entries().end()) {
    throw ParseError(value.offset, "storage \"" + printable(storage_name(id)) + "\" is missing");
  }
  uint64_t expected;
  const uint64_t actual = found->second.bytes.size();
  if (__builtin_mul_overflow(static_cast<uint64_t>(id.count), static_cast<uint64_t>(id.type.bytes),
                             &expected) ||
      expected != actual) {
    throw ParseError(value.offset, "storage " + printable(id.key) + ": " +
                                       std::to_string(id.count) + " " + id.type.name +
                                       " elements, its entry has " + std::to_string(actual) +
                                       " bytes");
  }
  return {id, &found->second};
}

}  // namespace vernissage
