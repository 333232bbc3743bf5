// Goal: the pickle machine reads what genuine checkpoints say, refuses all else by name, and no
// stream can make it call anything, leave its bytes or hold much more memory than the stream is
// long. Method: short streams written by hand, one property each.
#include "weights_tools/containers/pickle.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>

#include "base/error.h"
#include "base/utf8.h"
#include "engine/formats/safetensors.h"
#include "tests/support/golden_data.h"
#include "weights_tools/containers/pickle_opcodes.h"
#include "weights_tools/containers/torch_stream.h"

namespace vernissage {
namespace {

using std::string_literals::operator""s;

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// The reason of the refusal; empty when the stream is accepted.
std::string refusal(const std::string& bytes, const PickleOptions& options = {}) {
  try {
    parse_pickle(as_bytes(bytes), options);
    return "";
  } catch (const ParseError& error) {
    EXPECT_LE(error.offset(), bytes.size() + options.base_offset);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
}

::testing::AssertionResult says(const std::string& message, const std::string& word) {
  if (message.find(word) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "the message is: " << message;
}

/// The root of a stream that a test keeps alive in `bytes`.
class Parsed {
 public:
  explicit Parsed(std::string bytes)
      : bytes_(std::move(bytes)), document_(parse_pickle(as_bytes(bytes_))) {}
  const PickleValue& operator*() const { return document_.root(); }
  const PickleValue* operator->() const { return &document_.root(); }

 private:
  std::string bytes_;
  PickleDocument document_;
};

std::string repeated(const std::string& part, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += part;
  return out;
}

}  // namespace

TEST(Pickle, ReadsNumbers) {
  EXPECT_EQ(to_integer(*Parsed("\x80\x02K\xff."s), "x"), 255);
  EXPECT_EQ(to_integer(*Parsed("M\x34\x12."s), "x"), 0x1234);
  EXPECT_EQ(to_integer(*Parsed("J\xfe\xff\xff\xff."s), "x"), -2);
  EXPECT_EQ(to_integer(*Parsed("\x8a\x00."s), "x"), 0);
  EXPECT_EQ(to_integer(*Parsed("\x8a\x01\x80."s), "x"), -128);
  EXPECT_EQ(to_integer(*Parsed("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."s), "x"), INT64_MIN);
  EXPECT_EQ(to_integer(*Parsed("\x8b\x02\x00\x00\x00\x00\x01."s), "x"), 256);
  EXPECT_EQ(Parsed("\x8a\x09\x01\x00\x00\x00\x00\x00\x00\x00\x00."s)->kind,
            PickleKind::big_integer);
  EXPECT_EQ(to_number(*Parsed("G\x3f\xf8\x00\x00\x00\x00\x00\x00."s), "x"), 1.5);
  EXPECT_EQ(to_boolean(*Parsed("\x88."s), "x"), true);
  EXPECT_TRUE(Parsed("N.")->is_none());
}

TEST(Pickle, ReadsTextsAndBytesAsViews) {
  EXPECT_EQ(to_text(*Parsed("\x8c\x02hi."s), "x"), "hi");
  EXPECT_EQ(to_text(*Parsed("X\x02\x00\x00\x00\xc3\xa9."s), "x"), "é");
  EXPECT_EQ(to_text(*Parsed("\x8d\x01\x00\x00\x00\x00\x00\x00\x00z."s), "x"), "z");
  const std::string bytes =
      "B\x03\x00\x00\x00"
      "abc."s;
  const PickleDocument document = parse_pickle(as_bytes(bytes));
  EXPECT_EQ(document.root().bytes.data(), as_bytes(bytes).data() + 5) << "nothing was copied";
}

TEST(Pickle, ReadsTheLinesOfProtocol0) {
  EXPECT_EQ(to_integer(*Parsed("I-5\n."s), "x"), -5);
  EXPECT_EQ(to_boolean(*Parsed("I01\n."s), "x"), true);
  EXPECT_EQ(Parsed("I00\n."s)->kind, PickleKind::boolean);
  EXPECT_EQ(to_integer(*Parsed("L123L\n."s), "x"), 123);
  EXPECT_EQ(Parsed("L123456789012345678901L\n."s)->kind, PickleKind::big_integer);
  EXPECT_EQ(to_number(*Parsed("F1.5e-3\n."s), "x"), 1.5e-3);
  EXPECT_EQ(to_text(*Parsed("Vh\xe9\\u20ac\\U0001d11e\\u005cn\n."s), "x"), "hé€𝄞\\n");
  EXPECT_EQ(to_integer(*find(*Parsed("(dp0\nVa\np1\nI7\ns."s), "a"), "a"), 7);
  EXPECT_EQ(Parsed("(lp0\nI1\nag0\n0."s)->items.size(), 1u);
  EXPECT_EQ(Parsed("(I1\nI2\n1N."s)->kind, PickleKind::none);
  const Parsed easy(
      "ccopy_reg\n_reconstructor\n(cdnnlib.util\nEasyDict\nc__builtin__\ndict\n"
      "(dVa\nI1\nstR."s);
  EXPECT_TRUE(easy->is_call(Global::easy_dict));
  EXPECT_EQ(to_integer(*find(*easy, "a"), "a"), 1);
  for (const char* broken :
       {"I\n.", "Ix\n.", "I1 \n.", "F\n.", "Fx\n.", "V\\u12\n.", "V\\ud800\n.", "V\\Uffffffff\n.",
        "g0\n.", "gx\n.", "p99999999999999999999\n.", "Np300000\n.", "0.", "1.", "(I1\nd."}) {
    EXPECT_NE(refusal(broken), "") << broken;
  }
}

TEST(Pickle, ReadsByteArrays) {
  EXPECT_EQ(Parsed("\x80\x05\x96\x02\0\0\0\0\0\0\0ab."s)->bytes.size(), 2u);
  EXPECT_TRUE(says(refusal("\x80\x05\x96\xff\0\0\0\0\0\0\0ab."s), "needs 255 bytes"));
  EXPECT_TRUE(says(refusal("\x80\x06N."s), "pickle protocol 6, expected at most 5"));
}

TEST(Pickle, ReadsContainers) {
  EXPECT_EQ(Parsed("(K\x01K\x02t."s)->items.size(), 2u);
  EXPECT_EQ(Parsed("K\x01K\x02K\x03\x87."s)->items.size(), 3u);
  EXPECT_EQ(Parsed("](K\x01K\x02"
                   "e."s)
                ->items.size(),
            2u);
  EXPECT_EQ(Parsed("]K\x01"
                   "a."s)
                ->items.size(),
            1u);
  const Parsed dict(
      "}(\x8c\x01"
      "aK\x01\x8c\x01"
      "bK\x02u\x8c\x01"
      "aK\x03s."s);
  EXPECT_EQ(to_integer(*find(*dict, "a"), "a"), 3) << "the last one wins";
  EXPECT_EQ(to_integer(*find(*dict, "b"), "b"), 2);
  EXPECT_EQ(find(*dict, "c"), nullptr);
}

TEST(Pickle, TheMemoSharesValues) {
  const Parsed pair("]q\x00h\x00\x86."s);
  EXPECT_EQ(pair->items[0], pair->items[1]);
  EXPECT_EQ(Parsed("]\x94h\x00\x86."s)->items[0]->kind, PickleKind::list);
}

TEST(Pickle, CyclesAreDataLikeAnyOther) {
  const Parsed self(
      "]q\x00h\x00"
      "a."s);
  EXPECT_EQ(self->items[0], &*self);
}

TEST(Pickle, GlobalsAreMatchedWholeAndExactly) {
  EXPECT_EQ(Parsed("ccollections\nOrderedDict\n."s)->global, Global::ordered_dict);
  for (const char* other : {"collections\nOrderedDict.__init__\n", "torch\nload\n",
                            "torch._utils\n_rebuild\n", "numpy\nload\n", "builtins\ngetattr\n",
                            "\n\n", "torch.storage\n_load_from_bytes \n", "osmium\nsystem\n"}) {
    EXPECT_EQ(Parsed("c"s + other + ".")->global, Global::unknown) << other;
  }
}

TEST(Pickle, NamesThatRunCodeAreRefusedWhereverTheyStand) {
  for (const char* refused :
       {"os\nsystem\n", "builtins\neval\n", "__builtin__\neval\n", "posix\nsystem\n",
        "builtins\n__import__\n", "nt\nsystem\n", "subprocess\nPopen\n", "os.path\njoin\n",
        "runpy\nrun_path\n", "importlib\nimport_module\n"}) {
    EXPECT_TRUE(says(refusal("c"s + refused + "."), "is not allowed: it runs code")) << refused;
    EXPECT_TRUE(says(refusal("c"s + refused + "0N."), "is not allowed: it runs code"))
        << "also where it is dropped";
  }
}

TEST(Pickle, WhatAnUnknownNameMakesIsOpaque) {
  const Parsed made(
      "cpathlib\nPosixPath\n(\x8c\x01/\x8c\x04"
      "datatR."s);
  EXPECT_TRUE(made->is_call(Global::unknown));
  EXPECT_EQ(describe(*made), "a pathlib.PosixPath");
  EXPECT_FALSE(is_mapping(*made));
  // Its items, entries and state go where they belong, and what it makes is as unknown.
  EXPECT_EQ(refusal("cm\nList\n)\x81K\x01"
                    "a(K\x02K\x03"
                    "e}b."s),
            "");
  EXPECT_EQ(refusal("cm\nDict\n)\x81K\x01K\x02s."s), "");
  EXPECT_EQ(refusal("cm\nClass\n)}\x92."s), "");
  EXPECT_TRUE(Parsed("cbuiltins\ngetattr\ncm\nA\n\x8c\x01"
                     "B\x86R)R."s)
                  ->is_call(Global::unknown));
  EXPECT_TRUE(says(refusal("cm\nList\n)\x81}b}b."s), "second BUILD"));
  EXPECT_TRUE(says(refusal("ccollections\nOrderedDict\n)}\x92."s), "NEWOBJ_EX of"));
}

TEST(Pickle, TheNameOfAGlobalIsSafeToPrint) {
  EXPECT_TRUE(says(refusal("cos.\x1b[2J\nsystem\n."s), "os.\\x1b[2J.system"));
  EXPECT_EQ(describe(*Parsed("cm\x1b[2J\nClass\n."s)), "m\\x1b[2J.Class");
  const std::string os = "os." + std::string(100000, 'x');
  EXPECT_LT(refusal("c" + os + "\nsystem\n.").size(), 300u);
  EXPECT_LT(describe(*Parsed("c"s + std::string(100000, 'x') + "\nsystem\n.")).size(), 300u);
}

TEST(Pickle, EveryOpcodeIsReadOrRefusedByName) {
  // The listed opcodes are those of genuine files; each of the 256 bytes alone either needs
  // something that is missing or is refused, and nothing crashes.
  std::set<int> refused;
  for (int opcode = 0; opcode < 256; ++opcode) {
    const std::string message = refusal(std::string(1, static_cast<char>(opcode)));
    EXPECT_NE(message, "") << opcode;
    if (message.find("not allowed") != std::string::npos ||
        message.find("unknown") != std::string::npos) {
      refused.insert(opcode);
    }
  }
  for (const char op : {'2', 'P', 'S', 'T', 'U', 'i', 'o'}) EXPECT_TRUE(refused.contains(op)) << op;
  for (const int op : {0x82, 0x83, 0x84, 0x97, 0x98}) EXPECT_TRUE(refused.contains(op)) << op;
  EXPECT_TRUE(says(refusal("\x97"), "NEXT_BUFFER, data outside the file"));
  EXPECT_TRUE(says(refusal("\x98"), "READONLY_BUFFER, data outside the file"));
  constexpr size_t kListed = 56;  // those of PickleOpcode
  EXPECT_EQ(refused.size(), 256 - kListed);
}

TEST(Pickle, OnlyKnownCallsAreNoted) {
  const Parsed dict(
      "ccollections\nOrderedDict\n)R(\x8c\x01"
      "aK\x01u."s);
  EXPECT_TRUE(dict->is_call(Global::ordered_dict));
  EXPECT_EQ(to_integer(*find(*dict, "a"), "a"), 1);
  EXPECT_TRUE(says(refusal("ctorch\nFloatStorage\n)R."s), "REDUCE of torch.FloatStorage"));
  EXPECT_TRUE(says(refusal("K\x01)R."s), "REDUCE of the integer 1"));
  EXPECT_TRUE(says(refusal("ccollections\nOrderedDict\n]R."s), "for arguments"));
  EXPECT_TRUE(says(refusal("ctorch.storage\n_load_from_bytes\n)\x81."s), "NEWOBJ of"));
  EXPECT_TRUE(says(refusal("cdnnlib.util\nEasyDict\n)R."s), "REDUCE of dnnlib.util.EasyDict"));
}

TEST(Pickle, BuildHappensOnceAndToCallsOnly) {
  EXPECT_EQ(refusal("cargparse\nNamespace\n)\x81}b."s), "");
  EXPECT_TRUE(says(refusal("cargparse\nNamespace\n)\x81}b}b."s), "second BUILD"));
  EXPECT_TRUE(says(refusal("}}b."s), "BUILD of a dict"));
}

TEST(Pickle, ItemsGoWhereTheyBelong) {
  EXPECT_TRUE(says(refusal("}K\x01"
                           "a."s),
                   "APPEND to a dict"));
  EXPECT_TRUE(says(refusal("](K\x01K\x02u."s), "SETITEM on a list"));
  EXPECT_TRUE(says(refusal("](K\x01\x90."s), "ADDITEMS to a list"));
  EXPECT_TRUE(says(refusal("cargparse\nNamespace\n)\x81(K\x01K\x02u."s), "SETITEM on"));
  EXPECT_TRUE(says(refusal("}(])u."s), "the key of a dict"));
  EXPECT_TRUE(says(refusal("}(}Nu."s), "the key of a dict is a dict"));
  EXPECT_EQ(refusal("}()Nu."s), "") << "a tuple may be a key; nobody looks for it";
}

TEST(Pickle, PersistentIdsNeedATorchContainer) {
  EXPECT_TRUE(says(refusal(")Q."s), "outside a torch container"));
  EXPECT_EQ(refusal(")Q."s, {.persistent_ids = true}), "");
  EXPECT_TRUE(says(refusal("K\x01Q."s, {.persistent_ids = true}), "persistent id that is"));
}

TEST(Pickle, ByteStringsSpelledAsTextComeBackAsBytes) {
  const std::string encode =
      "c_codecs\nencode\nX\x05\x00\x00\x00"
      "a\xc2\x80\xc3\xbf"
      "X\x06\x00\x00\x00latin1\x86R."s;
  const Parsed value(encode);
  ASSERT_EQ(value->kind, PickleKind::bytes);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(value->bytes.data()), value->bytes.size()),
            "a\x80\xff");
  EXPECT_TRUE(says(refusal("c_codecs\nencode\nX\x03\x00\x00\x00\xe2\x82\xac"
                           "X\x06\x00\x00\x00latin1\x86R."s),
                   "beyond latin1"));
  EXPECT_TRUE(says(refusal("c_codecs\nencode\nX\x01\x00\x00\x00"
                           "aX\x05\x00\x00\x00utf-8\x86R."s),
                   "other arguments"));
}

TEST(Pickle, LengthsAreComparedWithWhatIsLeft) {
  EXPECT_EQ(refusal("B\x01\x00\x00\x00x."s), "");
  EXPECT_TRUE(says(refusal("B\x03\x00\x00\x00x."s), "needs 3 bytes, 2 left"));
  EXPECT_TRUE(
      says(refusal("\x8e\xff\xff\xff\xff\xff\xff\xff\xff."s), "needs 18446744073709551615 bytes"));
  EXPECT_TRUE(says(refusal("\x95\x02\x00\x00\x00\x00\x00\x00\x00."s), "FRAME of 2 bytes, 1 left"));
  EXPECT_EQ(refusal("\x95\x02\x00\x00\x00\x00\x00\x00\x00N."s), "");
  EXPECT_TRUE(says(refusal("cos"), "line has no end"));
}

TEST(Pickle, MessagesCountFromTheStartOfTheFile) {
  EXPECT_TRUE(says(refusal("NN\xff."s, {.base_offset = 1000}), "offset 1002:"));
}

TEST(Pickle, EndsExactlyAtStop) {
  EXPECT_EQ(parse_pickle(as_bytes("N.rest"s)).end(), 2u);
  EXPECT_TRUE(says(refusal("NN."), "STOP with 2 values"));
  EXPECT_TRUE(says(refusal("N(."), "open MARK"));
  EXPECT_TRUE(says(refusal("N"), "without STOP"));
}

TEST(Pickle, AMarkIsAFloor) {
  EXPECT_TRUE(says(refusal("N(\x85."s), "stack is empty")) << "TUPLE1 may not reach below the MARK";
  EXPECT_TRUE(says(refusal("Nt."s), "no MARK"));
}

TEST(Pickle, NestingStopsAtItsLimit) {
  const auto nested = [](size_t depth) {
    return repeated("(", depth) + "N" + repeated("t", depth) + ".";
  };
  EXPECT_EQ(refusal(nested(kPickleMarksMax)), "");
  EXPECT_TRUE(says(refusal(nested(kPickleMarksMax + 1)), "inside each other"));
}

TEST(Pickle, TheStackStopsAtItsLimit) {
  EXPECT_EQ(refusal("(" + repeated("N", kPickleStackMax) + "t."), "");
  EXPECT_TRUE(
      says(refusal("(" + repeated("N", kPickleStackMax + 1) + "t."), "values on the stack"));
}

TEST(Pickle, TheMemoStopsAtItsLimit) {
  const auto put = [](uint32_t index) {
    char bytes[4];
    std::memcpy(bytes, &index, sizeof(bytes));
    return "Nr"s + std::string(bytes, 4) + ".";
  };
  EXPECT_EQ(refusal(put(kPickleMemoMax - 1)), "");
  EXPECT_TRUE(says(refusal(put(kPickleMemoMax)), "memo index"));
  EXPECT_TRUE(says(refusal("h\x00."s), "memo slot 0 is empty"));
}

// One byte of stream makes one list of about 120 bytes: the limit has to stop that, not the
// machine's memory.
TEST(Pickle, MemoryStopsAtItsLimit) {
  const std::string many = "]" +
                           repeated(
                               "]"
                               "a",
                               1000000) +
                           ".";
  EXPECT_TRUE(says(refusal(many), "40 MiB"));
}

TEST(Pickle, OpaqueObjectsCountLikeAllOthers) {
  const std::string list = "cm\nList\n)\x81" + repeated("]a", 500000) + ".";
  EXPECT_TRUE(says(refusal(list), "40 MiB"));
  EXPECT_TRUE(says(refusal("cm\nf\n" + repeated(")R", 500000) + "."), "40 MiB"));
  // A long name that the memo repeats is kept short.
  const std::string names =
      "\x8c\x64" + std::string(100, 'm') + "\x94(" + repeated("h\0h\0\x93"s, 200000) + "t.";
  EXPECT_NE(refusal(names), "");
  // A line of Latin-1 becomes twice as long; a stream of nothing else may.
  const std::string lines = "(" + repeated("V" + std::string(1000, '\xe9') + "\n", 2000) + "t.";
  EXPECT_EQ(refusal(lines), "");
}

// No walk and no destructor may follow the nesting: 200001 tuples inside each other.
TEST(Pickle, DeepNestingIsFlatInMemory) {
  EXPECT_EQ(refusal(")" + repeated("\x85", 200000) + "."), "");
}

TEST(Pickle, EveryPrefixOfASnapshotIsRefused) {
  const MappedFile file(testing::golden("stylegan2/hostile/ok_ada8.pkl"));
  const auto bytes = file.bytes();
  for (size_t size = 0; size < bytes.size(); size += size < 2000 ? 1 : 37) {
    EXPECT_THROW(parse_pickle(bytes.first(size)), ParseError) << size;
  }
  EXPECT_EQ(parse_pickle(bytes).end(), bytes.size());
}

TEST(TorchStream, EveryPrefixIsRefused) {
  const MappedFile file(testing::golden("stylegan2/hostile/ok_ros8_legacy.pt"));
  const auto bytes = file.bytes();
  for (size_t size = 0; size < bytes.size(); size += 7) {
    EXPECT_THROW(TorchStream(bytes.first(size)), ParseError) << size;
  }
  EXPECT_NO_THROW(TorchStream{bytes});
}

TEST(Utf8, FollowsTheTableOfTheStandard) {
  for (const char* good :
       {"", "a", "é", "€", "𝄞", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80"}) {
    EXPECT_TRUE(is_utf8(as_bytes(good))) << good;
  }
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "a\xe2\x28\xa1"}) {
    EXPECT_FALSE(is_utf8(as_bytes(bad))) << bad;
  }
}

}  // namespace vernissage
