// Goal: torch's strided views become row-major tensors whatever their strides and element type, and
// no view reaches outside its storage. Method: views written by hand over a small storage, read in
// all ways; the golden state dict written again as a bare one.
#include "weights_tools/containers/torch_tensor.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/formats/safetensors.h"
#include "tests/support/golden_data.h"
#include "weights_tools/checkpoint_bytes.h"
#include "weights_tools/containers/pickle.h"
#include "weights_tools/containers/torch_stream.h"
#include "weights_tools/readers/generators/network_builder.h"

namespace vernissage {
namespace {

using std::string_literals::operator""s;

template <class T>
std::string raw(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

// A few opcodes, written.
std::string number(int64_t value) {
  return "\x8a\x08"s + raw(value);
}
std::string text(const std::string& value) {
  return "X"s + raw(static_cast<uint32_t>(value.size())) + value;
}
std::string tuple(const std::vector<int64_t>& values) {
  std::string out = "(";
  for (const int64_t value : values) out += number(value);
  return out + "t";
}
/// A call of _rebuild_tensor_v2 over whatever storage `storage` pushes.
std::string tensor(const std::string& storage, int64_t offset, const std::vector<int64_t>& shape,
                   const std::vector<int64_t>& strides) {
  return "ctorch._utils\n_rebuild_tensor_v2\n("s + storage + number(offset) + tuple(shape) +
         tuple(strides) + "tR";
}

/// The view of the storage 0, 1, … 11 as float32.
std::vector<float> read(int64_t offset, const std::vector<int64_t>& shape,
                        const std::vector<int64_t>& strides) {
  std::vector<float> elements;
  for (int i = 0; i < 12; ++i) elements.push_back(static_cast<float>(i));
  const TorchStorage storage{{DType::f32, 4, "torch.FloatStorage"},
                             std::as_bytes(std::span(elements))};
  const std::string stream = tensor("N", offset, shape, strides) + ".";
  const PickleDocument document = parse_pickle(std::as_bytes(std::span(stream)));
  const TensorSource source =
      to_tensor_source(document.root(), "view", [&](const PickleValue&) { return storage; });
  EXPECT_EQ(source.shape, shape);
  return source.read();
}

using Values = std::vector<float>;
constexpr int64_t kHuge = INT64_MAX;

}  // namespace

TEST(TorchTensor, StridesGiveTheOrder) {
  EXPECT_EQ(read(0, {3, 4}, {4, 1}), (Values{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(read(0, {4, 3}, {1, 4}), (Values{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}))
      << "transposed";
  EXPECT_EQ(read(0, {1, 3, 2, 2}, {12, 1, 6, 3}), (Values{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11}))
      << "channels last";
  EXPECT_EQ(read(5, {2, 2}, {4, 2}), (Values{5, 7, 9, 11})) << "with steps and an offset";
  EXPECT_EQ(read(7, {}, {}), (Values{7})) << "a scalar";
  EXPECT_EQ(read(1, {2, 3}, {0, 1}), (Values{1, 2, 3, 1, 2, 3})) << "a repeated row";
  EXPECT_EQ(read(0, {1, 2}, {999, 1}), (Values{0, 1}))
      << "the stride of a single row is never used";
  EXPECT_EQ(read(12, {0, 3}, {3, 1}), (Values{})) << "empty, at the very end";
}

TEST(TorchTensor, NoViewLeavesItsStorage) {
  EXPECT_NO_THROW(read(11, {1}, {1}));
  EXPECT_THROW(read(12, {1}, {1}), ParseError);
  EXPECT_THROW(read(0, {13}, {0}), ParseError) << "expanded beyond the storage";
  EXPECT_THROW(read(0, {2}, {12}), ParseError);
  EXPECT_THROW(read(1, {3, 4}, {4, 1}), ParseError);
  EXPECT_THROW(read(-1, {1}, {1}), ParseError);
  EXPECT_THROW(read(0, {-1}, {1}), ParseError);
  EXPECT_THROW(read(0, {2}, {-1}), ParseError);
  EXPECT_THROW(read(13, {0}, {1}), ParseError) << "an empty view has to start inside as well";
  EXPECT_THROW(read(0, {2, 2}, {1}), ParseError) << "ranks differ";
  EXPECT_THROW(read(0, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}), ParseError)
      << "rank 9";
}

TEST(TorchTensor, ProductsAndSumsThatOverflowAreRefused) {
  EXPECT_THROW(read(0, {kHuge, kHuge}, {0, 0}), ParseError);
  EXPECT_THROW(read(0, {int64_t{1} << 32, int64_t{1} << 32, 1}, {0, 0, 0}), ParseError);
  EXPECT_THROW(read(0, {3}, {kHuge}), ParseError);
  EXPECT_THROW(read(0, {2, 2}, {kHuge, kHuge}), ParseError);
  EXPECT_THROW(read(kHuge, {2}, {1}), ParseError);
}

TEST(TorchTensor, ElementTypesAreConvertedOrRefused) {
  const auto one = [](DType dtype, const std::string& bytes) {
    const TorchStorage storage{{dtype, dtype_bytes(dtype), "a storage"},
                               std::as_bytes(std::span(bytes))};
    const std::string stream = tensor("N", 0, {1}, {1}) + ".";
    const PickleDocument document = parse_pickle(std::as_bytes(std::span(stream)));
    return to_tensor_source(document.root(), "t", [&](const PickleValue&) { return storage; })
        .read()[0];
  };
  EXPECT_EQ(one(DType::f32, raw(1.5f)), 1.5f);
  EXPECT_EQ(one(DType::f64, raw(-2.25)), -2.25f);
  EXPECT_EQ(one(DType::f16, raw(uint16_t{0x3c01})), 1.0f + 0x1p-10f);
  EXPECT_EQ(one(DType::bf16, raw(uint16_t{0xc040})), -3.0f);
  EXPECT_THROW(one(DType::i64, raw(int64_t{1})), ParseError);
  EXPECT_THROW(one(DType::u8, "\x01"), ParseError);
  EXPECT_THROW(one(DType::boolean, "\x01"), ParseError);
}

namespace {

/// The g_ema of the golden old stream, as a bare state dict in a stream of its own; its tensors in
/// a storage each, or all at the start of one.
std::string bare_state_dict(const TorchStream& from, bool only_one_storage) {
  const PickleValue& state = *find(from.object(), "g_ema");
  std::string object = "\x80\x02}(", keys = "\x80\x02](", data;
  int next = 0;
  for (const auto& [name, value] : state.entries) {
    const TensorSource source =
        to_tensor_source(*value, "t", [&](const PickleValue& id) { return from.storage(id); });
    const std::vector<float> values = source.read();
    std::vector<int64_t> strides(source.shape.size());
    int64_t step = 1;
    for (size_t i = strides.size(); i > 0; --i) {
      strides[i - 1] = step;
      step *= source.shape[i - 1];
    }
    const bool first = next == 0 || !only_one_storage;
    const std::string key = std::to_string(only_one_storage ? 0 : next);
    const auto count = static_cast<int64_t>(only_one_storage ? 576 : values.size());
    const std::string id = "("s + text("storage") + "ctorch\nFloatStorage\n" + text(key) +
                           text("cpu") + number(count) + "NtQ";
    object += text(std::string(name->text())) + tensor(id, 0, source.shape, strides);
    if (first) {
      keys += text(key);
      data += raw(count);
      const std::vector<float> elements = only_one_storage ? std::vector<float>(576, 0.5f) : values;
      data.append(reinterpret_cast<const char*>(elements.data()), elements.size() * sizeof(float));
    }
    ++next;
  }
  return "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03."s +
         "\x80\x02}" + text("little_endian") + "\x88s." + object + "u." + keys + "e." + data;
}

}  // namespace

TEST(Rosinality, ABareStateDictIsTheSameNetworkWithoutACentre) {
  const auto golden = testing::golden("stylegan2/hostile/ok_ros8_legacy.pt");
  const MappedFile file(golden);
  const std::string bytes = bare_state_dict(TorchStream(file.bytes()), false);
  const Checkpoint bare =
      read_foreign_checkpoint(std::as_bytes(std::span(bytes)), NetworkChoice::average);
  const Checkpoint whole = read_checkpoint(golden);
  EXPECT_EQ(bare.chosen, "");
  EXPECT_EQ(bare.notes.size(), 1u);
  for (const auto& [name, expected] : whole.network.parameters) {
    if (name == "mapping.w_avg") continue;
    EXPECT_EQ(bare.network.at(name).values, expected.values) << name;
  }
  EXPECT_THROW(read_foreign_checkpoint(std::as_bytes(std::span(bytes)), NetworkChoice::trained),
               Error);
}

// A file of a few kilobytes must not ask for more than it holds by pointing all its tensors at one
// storage.
TEST(Rosinality, TensorsTogetherMayNotBeLargerThanTheFile) {
  const MappedFile file(testing::golden("stylegan2/hostile/ok_ros8_legacy.pt"));
  std::string bytes = bare_state_dict(TorchStream(file.bytes()), true);
  EXPECT_NO_THROW(read_foreign_checkpoint(std::as_bytes(std::span(bytes)), NetworkChoice::average))
      << "sharing alone is allowed";
  NetworkBuilder builder(4 * 100);
  const auto source = [](int64_t count) {
    return TensorSource{{count}, DType::f32, static_cast<uint64_t>(count) * 4, [count] {
                          return std::vector<float>(static_cast<size_t>(count));
                        }};
  };
  builder.add("a", source(60));
  builder.add("b", source(40));
  builder.add("c", source(1));
  EXPECT_EQ(builder.take("a", {60}).size(), 60u);
  EXPECT_EQ(builder.take("b", {40}).size(), 40u);
  EXPECT_THROW(builder.take("c", {1}), Error);
}

}  // namespace vernissage
