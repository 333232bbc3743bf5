#include "weights_tools/containers/torch_stream.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "weights_tools/containers/byte_cursor.h"

namespace vernissage {
namespace {

// 119547037146038801333356, as torch.serialization.MAGIC_NUMBER says it, little-endian.
constexpr std::array<uint8_t, 10> kMagic{0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                         0x20, 0x6a, 0xa8, 0x50, 0x19};
constexpr int64_t kProtocol = 1001;

void check_magic(const PickleValue& value) {
  const bool right = value.kind == PickleKind::big_integer &&
                     std::ranges::equal(value.bytes, kMagic, {},
                                        [](std::byte b) { return std::to_integer<uint8_t>(b); });
  if (!right)
    throw ParseError(value.offset, "torch stream: wrong magic number, got " + describe(value));
}

void check_system(const PickleValue& system) {
  const PickleValue* little = find(to_mapping(system, "torch stream: system"), "little_endian");
  if (little == nullptr) throw ParseError(system.offset, "torch stream: no little_endian");
  if (!to_boolean(*little, "torch stream: little_endian")) {
    throw ParseError(little->offset, "torch stream: big-endian data is not read");
  }
}

// Every storage that the object mentions, by key: the stream itself does not repeat dtype and size.
// The values lie in one pool, so cycles in the graph do not matter here.
std::map<std::string_view, StorageId> mentioned(const PickleDocument& object) {
  std::map<std::string_view, StorageId> ids;
  for (const PickleValue& value : object.values()) {
    if (value.kind != PickleKind::persistent || is_class_id(value)) continue;
    const StorageId id = to_storage_id(value);
    const auto [place, fresh] = ids.emplace(id.key, id);
    if (!fresh && (place->second.type != id.type || place->second.count != id.count)) {
      throw ParseError(value.offset, "storage " + printable(id.key) + " is described in two ways");
    }
  }
  return ids;
}

}  // namespace

bool looks_like_torch_stream(std::span<const std::byte> bytes) {
  constexpr std::array<uint8_t, 4> kBegin{0x80, 0x02, 0x8a, 0x0a};  // PROTO 2, LONG1 of ten bytes
  return bytes.size() >= kBegin.size() &&
         std::ranges::equal(bytes.first(kBegin.size()), kBegin, {},
                            [](std::byte b) { return std::to_integer<uint8_t>(b); });
}

TorchStream::TorchStream(std::span<const std::byte> bytes, uint64_t base_offset) {
  ByteCursor cursor(bytes, base_offset);
  const auto next_pickle = [&](bool persistent_ids) {
    PickleDocument document =
        parse_pickle(bytes.subspan(cursor.position()),
                     {.base_offset = cursor.offset(), .persistent_ids = persistent_ids});
    cursor.take(document.end(), "a pickle");
    return document;
  };
  check_magic(next_pickle(false).root());
  const PickleDocument protocol = next_pickle(false);
  if (const int64_t found = to_integer(protocol.root(), "torch stream: protocol");
      found != kProtocol) {
    throw ParseError(protocol.root().offset, "torch stream: protocol " + std::to_string(found) +
                                                 ", expected " + std::to_string(kProtocol));
  }
  check_system(next_pickle(false).root());
  object_ = next_pickle(true);
  const auto ids = mentioned(object_);
  const PickleDocument keys = next_pickle(false);
  for (const PickleValue* item : to_sequence(keys.root(), "torch stream: storage keys")) {
    const std::string_view key = to_text(*item, "torch stream: storage key");
    const auto id = ids.find(key);
    if (id == ids.end()) {
      throw ParseError(item->offset, "storage " + printable(key) + " belongs to no tensor");
    }
    const std::string what = "storage " + printable(key);
    const auto count = cursor.number<int64_t>("a storage's size");
    if (count != id->second.count) {
      throw ParseError(cursor.offset() - sizeof(count), what + ": " + std::to_string(count) +
                                                            " elements, its tensor says " +
                                                            std::to_string(id->second.count));
    }
    const auto bytes_each = static_cast<uint64_t>(id->second.type.bytes);
    if (static_cast<uint64_t>(count) > cursor.left() / bytes_each) {
      throw ParseError(cursor.offset(), what + ": " + std::to_string(count) + " elements of " +
                                            std::to_string(bytes_each) + " bytes, " +
                                            std::to_string(cursor.left()) + " bytes left");
    }
    const Data data{static_cast<uint64_t>(count),
                    cursor.take(static_cast<uint64_t>(count) * bytes_each, "a storage")};
    if (!storages_.emplace(std::string(key), data).second) {
      throw ParseError(item->offset, what + " is listed twice");
    }
  }
  // A line feed at the end is an editor's or a transfer's; more would be data that nothing names.
  while (cursor.left() != 0 && is_line_end(bytes[cursor.position()])) cursor.take(1, "a line end");
  if (cursor.left() != 0) {
    throw ParseError(cursor.offset(),
                     std::to_string(cursor.left()) + " bytes after the last storage");
  }
}

TorchStorage TorchStream::storage(const PickleValue& value) const {
  const StorageId id = to_storage_id(value);
  const auto found = storages_.find(id.key);
  if (found == storages_.end()) {
    throw ParseError(value.offset, "storage " + printable(id.key) + " is not in the stream");
  }
  std::span<const std::byte> bytes = found->second.bytes;
  if (id.view != nullptr) {
    // (key of the view, first element, elements): a storage that is a part of another.
    const auto parts = to_sequence(*id.view, "storage view");
    if (parts.size() != 3)
      throw ParseError(id.view->offset, "a storage view of other than three parts");
    const int64_t first = to_integer(*parts[1], "storage view: offset");
    const int64_t count = to_integer(*parts[2], "storage view: size");
    if (first < 0 || first > id.count || count < 0 || count > id.count - first) {
      throw ParseError(id.view->offset, "a storage view from " + std::to_string(first) + " of " +
                                            std::to_string(count) + " elements in a storage of " +
                                            std::to_string(id.count));
    }
    const auto bytes_each = static_cast<size_t>(id.type.bytes);
    bytes = bytes.subspan(static_cast<size_t>(first) * bytes_each,
                          static_cast<size_t>(count) * bytes_each);
  }
  return {id.type, bytes};
}

}  // namespace vernissage
