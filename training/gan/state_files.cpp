#include "training/gan/state_files.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "engine/formats/safetensors.h"

namespace vernissage::training {
namespace fs = std::filesystem;
namespace {

// A tensor is cut into pieces of so many bytes, "name@0", "name@1", …, each a flat row; what its
// shape was stands in the metadata of part 0 under "shape name". The rest of a file is its header.
constexpr int64_t kPieceBytes = 4'000'000;
constexpr int64_t kPartBytes = 15'000'000;
constexpr const char* kPartial = ".partial";

DType dtype_of(const at::Tensor& tensor) {
  if (tensor.scalar_type() == at::kFloat) return DType::f32;
  if (tensor.scalar_type() == at::kLong) return DType::i64;
  VERNISSAGE_ASSERT(tensor.scalar_type() == at::kByte);
  return DType::u8;
}

at::ScalarType scalar_type_of(DType dtype) {
  if (dtype == DType::f32) return at::kFloat;
  if (dtype == DType::i64) return at::kLong;
  if (dtype == DType::u8) return at::kByte;
  throw Error(std::string("expected F32, I64 or U8, got ") + dtype_name(dtype));
}

std::string shape_list(const at::Tensor& tensor) {
  std::string text;
  for (const int64_t side : tensor.sizes()) text += std::to_string(side) + ' ';
  return text;
}

fs::path part_path(const fs::path& folder, int index) {
  char name[40];
  std::snprintf(name, sizeof name, "part-%03d.safetensors", index);
  return folder / name;
}

std::vector<fs::path> states_in(const fs::path& folder) {
  std::vector<fs::path> states;
  if (fs::is_directory(folder))
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (entry.is_directory() && name.starts_with("state-") && !name.ends_with(kPartial))
        states.push_back(entry.path());
    }
  std::sort(states.begin(), states.end());
  return states;
}

// Joins the pieces of one tensor, which come in order.
struct Joining {
  DType dtype = DType::f32;
  std::vector<std::byte> bytes;
};

at::Tensor joined(const std::string& name, const Joining& joining, const std::string& shape_text) {
  std::vector<int64_t> shape;
  int64_t count = 1;
  const char* rest = shape_text.c_str();
  for (char* end = nullptr; *rest; rest = end) {
    shape.push_back(std::strtoll(rest, &end, 10));
    if (end == rest || *end++ != ' ' || shape.back() < 0 || shape.back() > (int64_t{1} << 32))
      throw Error(name + ": its shape is not a list of sizes");
  }
  count = element_count(shape);
  if (count != int64_t(joining.bytes.size()) / dtype_bytes(joining.dtype))
    throw Error(name + ": expected " + std::to_string(count) + " elements, got " +
                std::to_string(int64_t(joining.bytes.size()) / dtype_bytes(joining.dtype)));
  const auto tensor = at::empty(shape, scalar_type_of(joining.dtype));
  if (count > 0) std::memcpy(tensor.data_ptr(), joining.bytes.data(), joining.bytes.size());
  return tensor;
}

}  // namespace

void save_state(const fs::path& folder, int64_t images, const StoredState& state) {
  char name[40];
  std::snprintf(name, sizeof name, "state-%012lld", static_cast<long long>(images));
  const fs::path place = folder / name, partial = folder / (name + std::string(kPartial));
  try {
    fs::remove_all(partial);
    fs::create_directories(partial);
  } catch (const fs::filesystem_error& error) {
    throw Error(error.path1().string() + ": " + error.code().message());
  }

  std::map<std::string, std::string> metadata = state.metadata;
  std::vector<at::Tensor> owners;
  std::vector<NamedTensor> pieces;
  int64_t bytes = 0;
  int part = 0;
  const auto flush = [&] {
    write_safetensors(part_path(partial, part++), metadata, pieces);
    metadata.clear();
    pieces.clear();
    bytes = 0;
  };
  for (const auto& [tensor_name, tensor] : state.tensors)
    metadata["shape " + tensor_name] = shape_list(tensor);
  for (const auto& [tensor_name, tensor] : state.tensors) {
    owners.push_back(tensor.contiguous());
    const DType dtype = dtype_of(tensor);
    const auto* data = static_cast<const std::byte*>(owners.back().data_ptr());
    const int64_t size = dtype_bytes(dtype), total = tensor.numel() * size;
    for (int64_t begin = 0, index = 0; begin < total || index == 0; begin += kPieceBytes, ++index) {
      const int64_t length = std::min(kPieceBytes, total - begin);
      if (bytes + length > kPartBytes) flush();
      pieces.push_back({tensor_name + "@" + std::to_string(index),
                        {dtype, {length / size}, {data + begin, size_t(length)}}});
      bytes += length;
    }
  }
  flush();

  try {
    fs::remove_all(place);
    fs::rename(partial, place);
    for (const fs::path& older : states_in(folder))
      if (older != place) fs::remove_all(older);
  } catch (const fs::filesystem_error& error) {
    throw Error(error.path1().string() + ": " + error.code().message());
  }
}

std::optional<StoredState> load_newest_state(const fs::path& folder) {
  const auto states = states_in(folder);
  if (states.empty()) return std::nullopt;
  StoredState state;
  std::map<std::string, Joining> joining;
  for (int part = 0;; ++part) {
    const fs::path path = part_path(states.back(), part);
    if (part > 0 && !fs::exists(path)) break;
    const MappedFile file(path);
    try {
      const Safetensors stored(file.bytes());
      if (part == 0) state.metadata = stored.metadata();
      // Pieces in the order of their numbers, not of their names.
      std::map<std::pair<std::string, int>, const TensorView*> pieces;
      for (const auto& [name, view] : stored.tensors()) {
        const size_t at = name.rfind('@');
        if (at == std::string::npos) throw Error(name + ": unexpected tensor");
        pieces[{name.substr(0, at), std::atoi(name.c_str() + at + 1)}] = &view;
      }
      for (const auto& [key, view] : pieces) {
        Joining& whole = joining[key.first];
        whole.dtype = view->dtype;
        whole.bytes.insert(whole.bytes.end(), view->bytes.begin(), view->bytes.end());
      }
    } catch (const Error& error) {
      throw Error(path.string() + ": " + error.what());
    }
  }
  try {
    for (const auto& [name, whole] : joining) {
      const auto shape = state.metadata.find("shape " + name);
      if (shape == state.metadata.end()) throw Error(name + ": its shape is missing");
      state.tensors[name] = joined(name, whole, shape->second);
    }
  } catch (const Error& error) {
    throw Error(states.back().string() + ": " + error.what());
  }
  std::erase_if(state.metadata,
                [](const auto& entry) { return entry.first.starts_with("shape "); });
  return state;
}

}  // namespace vernissage::training
