#include "server/curation/candidates/partial.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <sstream>

#include "base/digest.h"
#include "base/error.h"
#include "base/new_directory.h"

namespace vernissage::curation {
namespace {

static_assert(std::endian::native == std::endian::little,
              "records are copied as they lie in memory");

constexpr size_t kHeaderBytes = 4096;
constexpr size_t kChecksumBytes = 8;
constexpr char kMagic[] = "vernissage partial 1\n";
constexpr int kShardsMax = 100000;
constexpr int kEmbeddingMax = 1 << 16;

size_t record_bytes(const PartialHeader& header) {
  return static_cast<size_t>(header.embedding) * sizeof(float) + kChecksumBytes;
}

void write_checksum(uint64_t candidate, std::span<const char> embedding, char* out) {
  std::string covered(sizeof candidate + embedding.size(), '\0');
  std::memcpy(covered.data(), &candidate, sizeof candidate);
  std::memcpy(covered.data() + sizeof candidate, embedding.data(), embedding.size());
  const gallery::Digest digest = gallery::sha256(covered);
  std::memcpy(out, digest.data(), kChecksumBytes);
}

bool is_whole(uint64_t candidate, std::span<const char> record) {
  char expected[kChecksumBytes];
  const auto embedding = record.first(record.size() - kChecksumBytes);
  write_checksum(candidate, embedding, expected);
  return std::memcmp(expected, record.data() + embedding.size(), kChecksumBytes) == 0;
}

std::string number_text(float value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string header_text(const PartialHeader& header) {
  std::string text = kMagic;
  const auto add = [&text](const char* key, const std::string& value) {
    text.append(key).append(" ").append(value).append("\n");
  };
  add("key", header.key);
  add("generator", header.generator);
  add("curator", header.curator);
  add("truncation", number_text(header.truncation));
  add("candidates", std::to_string(header.candidates));
  add("embedding", std::to_string(header.embedding));
  add("shard", std::to_string(header.shard.number) + "/" + std::to_string(header.shard.of));
  text.append("\n");
  VERNISSAGE_ASSERT_OP(text.size(), <=, kHeaderBytes);
  text.resize(kHeaderBytes, '\0');
  return text;
}

template <class T>
T number_of(const std::string& key, const std::string& text, T least, T most) {
  T value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() ||
      !(value >= least && value <= most))
    throw Error("header: " + key + ": out of range: \"" + text + "\"");
  return value;
}

PartialHeader read_header(std::string_view bytes) {
  if (!bytes.starts_with(kMagic) || bytes.size() < kHeaderBytes)
    throw Error("is no partial result of curating");
  std::istringstream lines{std::string(bytes.substr(0, kHeaderBytes)).substr(sizeof kMagic - 1)};
  std::map<std::string, std::string> fields;
  for (std::string line; std::getline(lines, line) && !line.empty();) {
    const size_t space = line.find(' ');
    if (space == std::string::npos ||
        !fields.emplace(line.substr(0, space), line.substr(space + 1)).second)
      throw Error("header: a line that is not a key and a value");
  }
  PartialHeader header;
  header.key = fields["key"];
  header.generator = fields["generator"];
  header.curator = fields["curator"];
  header.truncation = number_of("truncation", fields["truncation"], 0.0f, 1.0f);
  header.candidates = number_of("candidates", fields["candidates"], uint64_t{1}, uint64_t{1} << 40);
  header.embedding = number_of("embedding", fields["embedding"], 1, kEmbeddingMax);
  header.shard = read_shard(fields["shard"]);
  // One spelling only: nothing in the header was overlooked.
  if (header_text(header) != bytes.substr(0, kHeaderBytes)) throw Error("header: is malformed");
  return header;
}

// Records before the first that is not whole.
uint64_t whole_records(const PartialHeader& header, std::span<const char> records) {
  const size_t size = record_bytes(header);
  const uint64_t most = std::min<uint64_t>(records.size() / size, header.count());
  uint64_t count = 0;
  while (count < most && is_whole(header.first() + count, records.subspan(count * size, size)))
    ++count;
  return count;
}

std::span<const char> chars(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string reason() {
  return std::strerror(errno);
}

}  // namespace

uint64_t Shard::first(uint64_t candidates) const {
  // candidates · (number - 1) / of without overflow
  const auto parts = static_cast<uint64_t>(of), index = static_cast<uint64_t>(number - 1);
  return candidates / parts * index + candidates % parts * index / parts;
}

uint64_t Shard::last(uint64_t candidates) const {
  return number == of ? candidates : Shard{number + 1, of}.first(candidates);
}

Shard read_shard(const std::string& text) {
  Shard shard{0, 0};
  const char* end = text.data() + text.size();
  const auto [slash, failed] = std::from_chars(text.data(), end, shard.number);
  const bool read = failed == std::errc() && slash != end && *slash == '/';
  const auto [rest, failed_too] = read ? std::from_chars(slash + 1, end, shard.of)
                                       : std::from_chars_result{end, std::errc::invalid_argument};
  if (failed_too != std::errc() || rest != end || shard.of < 1 || shard.of > kShardsMax ||
      shard.number < 1 || shard.number > shard.of)
    throw Error("shard: expected \"i/N\" with 1 ≤ i ≤ N ≤ " + std::to_string(kShardsMax) +
                ", got \"" + text + "\"");
  return shard;
}

std::optional<std::string> difference(const PartialHeader& a, const std::string& a_name,
                                      const PartialHeader& b, const std::string& b_name) {
  const auto differ = [&](const std::string& what, const std::string& left,
                          const std::string& right) {
    return what + ": " + left + " in " + a_name + ", " + right + " in " + b_name;
  };
  if (a.key != b.key) return differ("gallery key", a.key.substr(0, 12), b.key.substr(0, 12));
  if (a.generator != b.generator)
    return differ("generator's SHA-256", a.generator.substr(0, 12), b.generator.substr(0, 12));
  if (a.curator != b.curator)
    return differ("curator's SHA-256", a.curator.substr(0, 12), b.curator.substr(0, 12));
  if (a.truncation != b.truncation)
    return differ("truncation", number_text(a.truncation), number_text(b.truncation));
  if (a.candidates != b.candidates)
    return differ("candidates", std::to_string(a.candidates), std::to_string(b.candidates));
  if (a.embedding != b.embedding)
    return differ("embedding's width", std::to_string(a.embedding), std::to_string(b.embedding));
  return std::nullopt;
}

Partial::Partial(const std::filesystem::path& path) : path_(path), file_(path) {
  try {
    const std::span<const char> all = chars(file_.bytes());
    header_ = read_header({all.data(), all.size()});
    count_ = whole_records(header_, all.subspan(kHeaderBytes));
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
}

std::span<const float> Partial::embedding(uint64_t i) const {
  VERNISSAGE_ASSERT_OP(i, <, count_);
  const std::byte* record = file_.bytes().data() + kHeaderBytes + i * record_bytes(header_);
  // Header and records are multiples of 8 bytes but for odd widths, which float's 4 suffice for.
  return {reinterpret_cast<const float*>(record), static_cast<size_t>(header_.embedding)};
}

PartialWriter::PartialWriter(const std::filesystem::path& path, const PartialHeader& header)
    : path_(path), header_(header) {
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file_ < 0) throw Error(path.string() + ": cannot be written: " + reason());
  try {
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0)
      throw Error(path.string() + ": another process is writing to it");
    struct stat status {};
    if (::fstat(file_, &status) != 0) throw Error(path.string() + ": " + reason());
    const std::string text = header_text(header);
    // A file without a whole header was left by a run that ended before it had anything to keep.
    if (status.st_size >= static_cast<off_t>(kHeaderBytes)) {
      const Partial before(path);
      if (const auto other = difference(before.header(), "the file", header, "this run"))
        throw Error(path.string() + ": holds other work: " + *other);
      if (before.header().shard != header.shard)
        throw Error(path.string() +
                    ": holds another shard: " + std::to_string(before.header().shard.number) + "/" +
                    std::to_string(before.header().shard.of));
      count_ = before.count();
    } else if (::ftruncate(file_, 0) != 0 ||
               ::pwrite(file_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
      throw Error(path.string() + ": cannot be written: " + reason());
    }
    if (::ftruncate(file_, static_cast<off_t>(kHeaderBytes + count_ * record_bytes(header))) != 0)
      throw Error(path.string() + ": cannot be written: " + reason());
    sync();
    gallery::sync_to_disk(path.has_parent_path() ? path.parent_path() : ".");
  } catch (...) {
    ::close(file_);
    throw;
  }
}

PartialWriter::~PartialWriter() {
  ::close(file_);
}

void PartialWriter::append(std::span<const float> embeddings) {
  const auto width = static_cast<size_t>(header_.embedding);
  VERNISSAGE_ASSERT_OP(embeddings.size() % width, ==, 0u);
  const size_t records = embeddings.size() / width, size = record_bytes(header_);
  VERNISSAGE_ASSERT_OP(count_ + records, <=, header_.count());
  std::string bytes(records * size, '\0');
  for (size_t i = 0; i < records; ++i) {
    char* record = bytes.data() + i * size;
    std::memcpy(record, embeddings.data() + i * width, width * sizeof(float));
    write_checksum(header_.first() + count_ + i, {record, width * sizeof(float)},
                   record + width * sizeof(float));
  }
  const auto start = static_cast<off_t>(kHeaderBytes + count_ * size);
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t now =
        ::pwrite(file_, bytes.data() + done, bytes.size() - done, start + static_cast<off_t>(done));
    if (now < 0 && errno == EINTR) continue;
    if (now <= 0) {
      const std::string why = now < 0 ? reason() : "nothing was written";
      // What was cut short would be cut off at the next opening in any case.
      [[maybe_unused]] const int ignored = ::ftruncate(file_, start);
      throw Error(path_.string() + ": cannot be written: " + why + "; the first " +
                  std::to_string(count_) +
                  " candidates are kept, the same command goes on from there");
    }
    done += static_cast<size_t>(now);
  }
  count_ += records;
}

void PartialWriter::sync() {
  if (::fdatasync(file_) != 0)
    throw Error(path_.string() + ": cannot be written to disk: " + reason());
}

}  // namespace vernissage::curation
