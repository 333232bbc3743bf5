#include "weights_tools/containers/torch_tensor.h"

#include <cstring>
#include <utility>
#include <vector>

#include "base/error.h"

namespace vernissage {
namespace {

constexpr size_t kRankMax = 8;  // five in the files we read

/// A strided view as the file states it.
struct TorchTensor {
  const PickleValue* storage = nullptr;
  int64_t offset = 0;  // elements
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // elements
  uint64_t stated_at = 0;        // offset in the file, for messages
};

[[noreturn]] void wrong(uint64_t offset, const std::string& what, const std::string& reason) {
  throw ParseError(offset, what + ": " + reason);
}

int64_t count_of(const TorchTensor& tensor, const std::string& what) {
  int64_t count = 1;
  for (const int64_t size : tensor.shape) {
    if (size < 0)
      wrong(tensor.stated_at, what, "negative size in shape " + shape_text(tensor.shape));
    if (__builtin_mul_overflow(count, size, &count)) {
      wrong(tensor.stated_at, what, "shape " + shape_text(tensor.shape) + " overflows");
    }
  }
  return count;
}

/// Throws unless all of the `count` elements lie among the `available` of the storage.
void check_reach(const TorchTensor& tensor, const std::string& what, int64_t count,
                 int64_t available) {
  const auto& [storage, offset, shape, strides, stated_at] = tensor;
  if (count > available) {
    wrong(stated_at, what,
          "shape " + shape_text(shape) + " has more elements than its storage, " +
              std::to_string(available));
  }
  bool inside = offset <= available;
  int64_t last = offset;
  for (size_t i = 0; inside && count > 0 && i < shape.size(); ++i) {
    int64_t reach;
    inside = !__builtin_mul_overflow(shape[i] - 1, strides[i], &reach) &&
             !__builtin_add_overflow(last, reach, &last);
  }
  if (!inside || (count > 0 && last >= available)) {
    wrong(stated_at, what,
          "shape " + shape_text(shape) + ", strides " + shape_text(strides) + ", offset " +
              std::to_string(offset) + " reach outside the storage of " +
              std::to_string(available) + " elements");
  }
}

bool is_contiguous(const TorchTensor& tensor) {
  int64_t expected = 1;
  for (size_t i = tensor.shape.size(); i > 0; --i) {
    if (tensor.shape[i - 1] == 1) continue;  // the stride of a single element is never used
    if (tensor.strides[i - 1] != expected) return false;
    expected *= tensor.shape[i - 1];
  }
  return true;
}

/// The elements in row-major order. Every position is inside the storage: check_reach() saw to it.
std::vector<std::byte> gathered(const TorchTensor& tensor, int64_t count, const std::byte* elements,
                                size_t bytes) {
  std::vector<std::byte> out(static_cast<size_t>(count) * bytes);
  std::vector<int64_t> index(tensor.shape.size(), 0);
  int64_t position = tensor.offset;
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(out.data() + static_cast<size_t>(i) * bytes,
                elements + static_cast<size_t>(position) * bytes, bytes);
    for (size_t d = tensor.shape.size(); d > 0; --d) {
      if (++index[d - 1] < tensor.shape[d - 1]) {
        position += tensor.strides[d - 1];
        break;
      }
      position -= tensor.strides[d - 1] * (tensor.shape[d - 1] - 1);
      index[d - 1] = 0;
    }
  }
  return out;
}

TorchTensor to_torch_tensor(const PickleValue& value, const std::string& what) {
  const PickleValue* call = &value;
  if (call->is_call(Global::rebuild_parameter)) {
    if (call->arguments->items.empty()) wrong(value.offset, what, "an empty parameter");
    call = call->arguments->items[0];
  }
  if (!call->is_call(Global::rebuild_tensor)) {
    wrong(value.offset, what, "expected a tensor, got " + describe(*call));
  }
  const auto& arguments = call->arguments->items;
  if (arguments.size() < 4)
    wrong(value.offset, what, "a tensor without storage, offset, size, stride");
  const auto sizes = to_sequence(*arguments[2], what + ": size");
  const auto strides = to_sequence(*arguments[3], what + ": stride");
  if (sizes.size() != strides.size()) {
    wrong(value.offset, what,
          "size of rank " + std::to_string(sizes.size()) + ", stride of rank " +
              std::to_string(strides.size()));
  }
  if (sizes.size() > kRankMax) {
    wrong(
        value.offset, what,
        "rank " + std::to_string(sizes.size()) + ", expected at most " + std::to_string(kRankMax));
  }
  TorchTensor tensor;
  tensor.storage = arguments[0];
  tensor.offset = to_integer(*arguments[1], what + ": storage offset");
  tensor.stated_at = call->offset;
  for (const PickleValue* size : sizes) tensor.shape.push_back(to_integer(*size, what + ": size"));
  for (const PickleValue* step : strides)
    tensor.strides.push_back(to_integer(*step, what + ": stride"));
  if (tensor.offset < 0)
    wrong(value.offset, what, "storage offset " + std::to_string(tensor.offset));
  for (const int64_t step : tensor.strides) {
    if (step < 0) wrong(value.offset, what, "negative stride in " + shape_text(tensor.strides));
  }
  count_of(tensor, what);
  return tensor;
}

std::optional<DType> known_dtype(Global storage_class) {
  switch (storage_class) {
    case Global::float_storage:
      return DType::f32;
    case Global::half_storage:
      return DType::f16;
    case Global::bfloat16_storage:
      return DType::bf16;
    case Global::double_storage:
      return DType::f64;
    case Global::long_storage:
      return DType::i64;
    case Global::int_storage:
      return DType::i32;
    case Global::short_storage:
      return DType::i16;
    case Global::char_storage:
      return DType::i8;
    case Global::byte_storage:
      return DType::u8;
    case Global::bool_storage:
      return DType::boolean;
    default:
      return std::nullopt;
  }
}

}  // namespace

StorageType storage_type(const PickleValue& storage_class) {
  if (storage_class.kind == PickleKind::global) {
    if (const auto dtype = known_dtype(storage_class.global)) {
      return {dtype, dtype_bytes(*dtype), global_text(storage_class.global)};
    }
    constexpr std::pair<std::string_view, int64_t> kOthers[] = {
        {"torch.ComplexFloatStorage", 8}, {"torch.ComplexDoubleStorage", 16},
        {"torch.QInt8Storage", 1},        {"torch.QUInt8Storage", 1},
        {"torch.QInt32Storage", 4},       {"torch.QUInt4x2Storage", 1},
        {"torch.QUInt2x4Storage", 1},     {"torch.storage.UntypedStorage", 1}};
    for (const auto& [name, bytes] : kOthers) {
      const bool same = storage_class.global == Global::unknown && storage_class.text() == name;
      if (same) return {std::nullopt, bytes, std::string(name)};
    }
  }
  wrong(storage_class.offset, "storage",
        "expected a storage class, got " + describe(storage_class));
}

bool is_class_id(const PickleValue& id) {
  if (id.kind != PickleKind::persistent) return false;
  const auto& parts = id.arguments->items;
  return parts.size() == 4 && parts[0]->kind == PickleKind::text && parts[0]->text() == "module" &&
         parts[1]->kind == PickleKind::global;
}

StorageId to_storage_id(const PickleValue& value) {
  if (value.kind != PickleKind::persistent) {
    wrong(value.offset, "storage", "expected a persistent id, got " + describe(value));
  }
  const auto& parts = value.arguments->items;
  if (parts.empty()) wrong(value.offset, "storage", "an empty persistent id");
  const std::string_view kind = to_text(*parts[0], "persistent id");
  if (kind != "storage") {
    wrong(value.offset, "persistent id", "kind \"" + printable(kind) + "\", expected \"storage\"");
  }
  if (parts.size() != 5 && parts.size() != 6) {
    wrong(value.offset, "persistent id", std::to_string(parts.size()) + " parts, expected 5 or 6");
  }
  StorageId id;
  id.type = storage_type(*parts[1]);
  id.key = to_text(*parts[2], "storage key");
  id.count = to_integer(*parts[4], "storage size");
  id.view = parts.size() == 6 && !parts[5]->is_none() ? parts[5] : nullptr;
  if (id.count < 0) wrong(value.offset, "storage size", std::to_string(id.count));
  return id;
}

bool is_tensor(const PickleValue& value) {
  return value.is_call(Global::rebuild_tensor) || value.is_call(Global::rebuild_parameter);
}

TensorSource to_tensor_source(const PickleValue& value, const std::string& what,
                              const StorageReader& storage_of) {
  const TorchTensor tensor = to_torch_tensor(value, what);
  const TorchStorage storage = storage_of(*tensor.storage);
  if (!storage.type.dtype) {
    wrong(tensor.stated_at, what, "a tensor of " + storage.type.name + ", expected real numbers");
  }
  const DType dtype = *storage.type.dtype;
  const bool real =
      dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16 || dtype == DType::f64;
  if (!real) {
    wrong(tensor.stated_at, what,
          std::string("dtype ") + dtype_name(dtype) + ", expected F16, BF16, F32 or F64");
  }
  const int64_t count = count_of(tensor, what);
  check_reach(tensor, what, count, storage.count());
  const auto bytes = static_cast<size_t>(dtype_bytes(dtype));
  return {tensor.shape, dtype, static_cast<uint64_t>(count) * bytes,
          [tensor, storage, dtype, count, bytes] {
            TensorView elements{dtype, tensor.shape, {}};
            std::vector<std::byte> copied;
            if (is_contiguous(tensor)) {
              elements.bytes = storage.bytes.subspan(static_cast<size_t>(tensor.offset) * bytes,
                                                     static_cast<size_t>(count) * bytes);
            } else {
              copied = gathered(tensor, count, storage.bytes.data(), bytes);
              elements.bytes = copied;
            }
            return elements.to_f32();
          }};
}

}  // namespace vernissage
