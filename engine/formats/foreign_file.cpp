#include "engine/formats/foreign_file.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/json.h"

namespace vernissage {
namespace {

using std::string_view_literals::operator""sv;

/// Files that begin with a fixed mark.
struct Mark {
  std::string_view begin;
  const char* what;
};
constexpr Mark kMarks[] = {
    {"\x1f\x8b"sv, "compressed with gzip: unpack it first (gunzip)"},
    {"\x1f\x9d"sv, "compressed with compress (.Z): unpack it first (uncompress)"},
    {"\xfd"
     "7zXZ\0"sv,
     "compressed with xz: unpack it first (unxz)"},
    {"\x5d\0\0"sv, "compressed with lzma: unpack it first (unlzma)"},
    {"BZh"sv, "compressed with bzip2: unpack it first (bunzip2)"},
    {"\x28\xb5\x2f\xfd"sv, "compressed with zstd: unpack it first (unzstd)"},
    {"\x04\x22\x4d\x18"sv, "compressed with lz4: unpack it first (unlz4)"},
    {"7z\xbc\xaf\x27\x1c"sv, "a 7z archive: unpack it first (7z x)"},
    {"Rar!\x1a\x07"sv, "a RAR archive: unpack it first (unrar x)"},
    {"version https://git-lfs"sv,
     "a Git LFS pointer, not the file it stands for: run git lfs pull where it was cloned"},
    {"version https://hawser"sv, "a Git LFS pointer, not the file it stands for: run git lfs pull"},
    {"# xet version"sv, "a Git Xet pointer, not the file it stands for: download the file itself"},
    {"\x89HDF\r\n"sv, "an HDF5 file (Keras), which is not read"},
    {"\x93NUMPY"sv, "a numpy array (.npy), which is not read"},
    {"GGUF"sv, "a GGUF file, which is not read"},
    {"\x89PNG\r\n"sv, "a PNG picture, not weights"},
    {"\xff\xd8\xff"sv, "a JPEG picture, not weights"},
    {"%PDF-"sv, "a PDF document, not weights"},
    {"\x7f"
     "ELF"sv,
     "a program (ELF), not weights"},
};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// The text without a byte order mark and white space in front.
std::string_view left_trimmed(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const auto begin = std::ranges::find_if_not(text, is_space);
  return text.substr(static_cast<size_t>(begin - text.begin()));
}

/// Position of an ASCII word, whatever its case; npos when it is not there.
size_t find_word(std::string_view text, std::string_view lower) {
  const auto found =
      std::search(text.begin(), text.end(), lower.begin(), lower.end(),
                  [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
  return found == text.end() ? text.npos : static_cast<size_t>(found - text.begin());
}

std::string web_page(std::string_view text) {
  constexpr size_t kLookedAt = 4096;
  text = text.substr(0, kLookedAt);
  std::string what = "a web page, not a checkpoint: download it again";
  const size_t title = find_word(text, "<title>");
  if (title != text.npos) {
    std::string_view words = left_trimmed(text.substr(title + 7));
    words = words.substr(0, words.find('<'));
    what += " (its title: " + json_quote_short(words.substr(0, 60)) + ")";
  } else if (find_word(text, "google drive") != text.npos) {
    what += " (it is Google Drive's answer instead of the file)";
  }
  return what;
}

bool is_tar(std::span<const std::byte> bytes) {
  constexpr size_t kMagicAt = 257;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.size() >= kMagicAt + 5 && text.substr(kMagicAt, 5) == "ustar";
}

}  // namespace

std::optional<std::string> foreign_file(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.empty()) return "an empty file";
  for (const Mark& mark : kMarks) {
    if (text.starts_with(mark.begin)) return mark.what;
  }
  if (is_tar(bytes)) {
    return "a tar archive: unpack it first (tar xf); torch.save before version 0.1.10, which wrote "
           "tar archives, is not read";
  }
  const std::string_view trimmed = left_trimmed(text);
  if (trimmed.empty()) return "an empty file: nothing but white space";
  const bool tag = trimmed.size() > 1 && trimmed[0] == '<' &&
                   (std::isalpha(static_cast<unsigned char>(trimmed[1])) || trimmed[1] == '!' ||
                    trimmed[1] == '?');
  if (tag) return web_page(trimmed);
  return std::nullopt;
}

}  // namespace vernissage
