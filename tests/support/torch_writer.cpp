#include "tests/support/torch_writer.h"

#include <cstring>
#include <span>

#include "weights_tools/containers/crc32.h"

namespace vernissage::testing {

namespace {

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

std::string integer(int64_t value) {
  std::string out = "J";  // BININT
  put(out, static_cast<int32_t>(value));
  return out;
}

std::string tuple(const std::vector<std::string>& items) {
  std::string out = "(";
  for (const std::string& item : items) out += item;
  return out + "t";
}

}  // namespace

std::string zip_bytes(const std::vector<ZipEntry>& entries) {
  std::string out, directory;
  for (const ZipEntry& entry : entries) {
    const auto local = static_cast<uint32_t>(out.size());
    const auto size = static_cast<uint32_t>(entry.data.size());
    const auto name = static_cast<uint16_t>(entry.name.size());
    std::string common;  // what both headers say, from the version that is needed
    for (const uint16_t field : {uint16_t{20}, uint16_t{0}, entry.method, uint16_t{0}, uint16_t{0}})
      put(common, field);
    put(common, crc32(std::as_bytes(std::span(entry.data))));
    put(common, size);
    put(common, entry.method == 0 ? size : size + 1);
    put(common, name);
    put<uint16_t>(common, 0);
    put<uint32_t>(out, 0x04034b50);
    out += common + entry.name + entry.data;
    put<uint32_t>(directory, 0x02014b50);
    put<uint16_t>(directory, 20);
    directory += common;
    directory.append(10, '\0');  // comment, disk, attributes
    put(directory, local);
    directory += entry.name;
  }
  const auto offset = static_cast<uint32_t>(out.size());
  out += directory;
  put<uint32_t>(out, 0x06054b50);
  put<uint32_t>(out, 0);
  put(out, static_cast<uint16_t>(entries.size()));
  put(out, static_cast<uint16_t>(entries.size()));
  put(out, static_cast<uint32_t>(directory.size()));
  put(out, offset);
  put<uint16_t>(out, 0);
  return out;
}

std::string pickle_text(std::string_view text) {
  std::string out = "X";
  put(out, static_cast<uint32_t>(text.size()));
  return out.append(text);
}

std::string pickle_dict(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string out = "}(";
  for (const auto& [key, value] : entries) out += pickle_text(key) + value;
  return out + "u";
}

std::string TorchFile::storage(const char* type, int64_t count, std::string data) {
  const std::string key = std::to_string(storages_.size());
  storages_.push_back(std::move(data));
  return tuple({pickle_text("storage"), std::string("ctorch\n") + type + "\n", pickle_text(key),
                pickle_text("cpu"), integer(count)}) +
         "Q";
}

std::string TorchFile::tensor(const Tensor& tensor) {
  std::vector<std::string> sizes, strides(tensor.shape.size());
  int64_t stride = 1;
  for (size_t i = tensor.shape.size(); i-- > 0; stride *= tensor.shape[i])
    strides[i] = integer(stride);
  for (const int64_t size : tensor.shape) sizes.push_back(integer(size));
  std::string data(tensor.values.size() * sizeof(float), '\0');
  std::memcpy(data.data(), tensor.values.data(), data.size());
  return "ctorch._utils\n_rebuild_tensor_v2\n" +
         tuple({storage("FloatStorage", static_cast<int64_t>(tensor.values.size()), data),
                integer(0), tuple(sizes), tuple(strides), "\x89",
                "ccollections\nOrderedDict\n)R"}) +
         "R";
}

std::string TorchFile::counter(int64_t value) {
  std::string data;
  put(data, value);
  return "ctorch._utils\n_rebuild_tensor_v2\n" +
         tuple({storage("LongStorage", 1, data), integer(0), ")", ")", "\x89",
                "ccollections\nOrderedDict\n)R"}) +
         "R";
}

std::string TorchFile::module(const std::vector<std::pair<std::string, std::string>>& attributes) {
  return "c__torch__.tower\nNode\n)\x81" + pickle_dict(attributes) + "b";
}

std::string TorchFile::bytes(const std::string& root, const std::vector<ZipEntry>& further,
                             const std::string& version) const {
  std::vector<ZipEntry> entries = {{"made/data.pkl", "\x80\x02" + root + "."}};
  for (size_t i = 0; i < storages_.size(); ++i)
    entries.push_back({"made/data/" + std::to_string(i), storages_[i]});
  entries.push_back({"made/version", version});
  entries.insert(entries.end(), further.begin(), further.end());
  return zip_bytes(entries);
}

}  // namespace vernissage::testing
