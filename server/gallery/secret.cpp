#include "server/gallery/secret.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>
#include <numbers>
#include <numeric>
#include <span>

#include "base/digest.h"
#include "base/error.h"

namespace vernissage::gallery {
namespace {

constexpr size_t kIdBytes = 16;
constexpr size_t kIdCharacters = 26;  // ceil(128 / 5)
constexpr char kBase32[] = "abcdefghijklmnopqrstuvwxyz234567";

// What a stream is for. Part of the nonce, so no two uses ever share a keystream. The numbers are
// part of every gallery there is: never change one.
enum class Purpose : uint32_t { latent = 1, noise = 2, label = 3, order = 4 };

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

// ChaCha20's keystream (RFC 8439): 32-bit block counter from 0, 96-bit nonce = purpose, candidate.
class KeyedStream {
 public:
  KeyedStream(const std::array<unsigned char, 32>& key, Purpose purpose, uint64_t candidate)
      : context_(EVP_CIPHER_CTX_new()) {
    std::array<unsigned char, 16> iv{};  // counter (4), purpose (4), candidate (8), little-endian
    for (int i = 0; i < 4; ++i)
      iv[4 + i] = static_cast<unsigned char>(static_cast<uint32_t>(purpose) >> (8 * i));
    for (int i = 0; i < 8; ++i) iv[8 + i] = static_cast<unsigned char>(candidate >> (8 * i));
    if (!context_ ||
        EVP_EncryptInit_ex(context_.get(), EVP_chacha20(), nullptr, key.data(), iv.data()) != 1)
      throw Error("OpenSSL has no ChaCha20");
  }
  ~KeyedStream() { OPENSSL_cleanse(block_.data(), block_.size()); }

  uint64_t next_u64() {
    if (used_ == block_.size()) refill();
    uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value |= static_cast<uint64_t>(block_[used_++]) << (8 * i);
    return value;
  }

  /// 0 … bound - 1, every value equally likely: draws from the incomplete last round are thrown
  /// away.
  uint64_t below(uint64_t bound) {
    const uint64_t rest = (UINT64_MAX % bound + 1) % bound;  // 2^64 mod bound
    while (true) {
      const uint64_t value = next_u64();
      if (value <= UINT64_MAX - rest) return value % bound;
    }
  }

 private:
  void refill() {
    const std::array<unsigned char, 512> zeros{};
    int written = 0;
    if (EVP_EncryptUpdate(context_.get(), block_.data(), &written, zeros.data(),
                          static_cast<int>(zeros.size())) != 1)
      throw Error("OpenSSL's ChaCha20 failed");
    used_ = 0;
  }

  std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> context_;
  std::array<unsigned char, 512> block_{};
  size_t used_ = block_.size();
};

std::string reason() {
  return std::strerror(errno);
}

struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

}  // namespace

namespace {

std::string base32(std::span<const unsigned char, kIdBytes> bytes) {
  std::string id;
  uint32_t bits = 0;
  int bit_count = 0;
  for (const unsigned char byte : bytes) {
    bits = (bits << 8) | byte;
    for (bit_count += 8; bit_count >= 5; bit_count -= 5)
      id += kBase32[(bits >> (bit_count - 5)) & 31];
  }
  return id + kBase32[(bits << (5 - bit_count)) & 31];
}

}  // namespace

std::string random_id() {
  std::array<unsigned char, kIdBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw Error("the system's random generator gave nothing");
  return base32(bytes);
}

bool is_id(std::string_view text) {
  return text.size() == kIdCharacters &&
         text.find_first_not_of(std::string_view(kBase32, 32)) == std::string_view::npos;
}

GalleryKey GalleryKey::create(const std::filesystem::path& path) {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw Error("the system's random generator gave nothing");
  const GalleryKey key(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  const Descriptor file{
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR)};
  if (file.number < 0) throw Error(path.string() + ": cannot create the key: " + reason());
  if (::write(file.number, key.bytes_.data(), key.bytes_.size()) !=
          static_cast<ssize_t>(key.bytes_.size()) ||
      ::fsync(file.number) != 0)
    throw Error(path.string() + ": cannot write the key: " + reason());
  return key;
}

GalleryKey GalleryKey::load(const std::filesystem::path& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.number < 0) throw Error(path.string() + ": cannot read the key: " + reason());
  struct stat status {};
  if (::fstat(file.number, &status) != 0)
    throw Error(path.string() + ": cannot read the key: " + reason());
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    throw Error(path.string() + ": the key is open to others; expected mode 0600 (chmod 600)");
  std::array<unsigned char, 32> bytes{};
  if (status.st_size != static_cast<off_t>(bytes.size()) ||
      ::read(file.number, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    throw Error(path.string() + ": expected a key of 32 bytes, got " +
                std::to_string(status.st_size));
  const GalleryKey key(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

GalleryKey::~GalleryKey() {
  OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

std::vector<float> GalleryKey::latent(uint64_t candidate, int z_dim) const {
  KeyedStream stream(bytes_, Purpose::latent, candidate);
  std::vector<float> z;
  while (static_cast<int>(z.size()) < z_dim) {
    // Fractions of 53 bits: u in (0, 1], so that its logarithm exists; v in [0, 1).
    const double u = (static_cast<double>(stream.next_u64() >> 11) + 1.0) * 0x1p-53;
    const double v = static_cast<double>(stream.next_u64() >> 11) * 0x1p-53;
    const double radius = std::sqrt(-2.0 * std::log(u));
    z.push_back(static_cast<float>(radius * std::cos(2.0 * std::numbers::pi * v)));
    if (static_cast<int>(z.size()) < z_dim)
      z.push_back(static_cast<float>(radius * std::sin(2.0 * std::numbers::pi * v)));
  }
  return z;
}

uint64_t GalleryKey::noise_seed(uint64_t candidate) const {
  return KeyedStream(bytes_, Purpose::noise, candidate).next_u64();
}

int GalleryKey::label(uint64_t candidate, int classes) const {
  VERNISSAGE_ASSERT_OP(classes, >=, 1);
  KeyedStream stream(bytes_, Purpose::label, candidate);
  return static_cast<int>(stream.below(static_cast<uint64_t>(classes)));
}

std::array<unsigned char, 32> GalleryKey::derived(std::string_view purpose) const {
  return hmac_sha256(bytes_, "vernissage: " + std::string(purpose));
}

std::string GalleryKey::painting_id(uint64_t candidate) const {
  const auto bytes = derived("painting " + std::to_string(candidate));
  return base32(std::span(bytes).first<kIdBytes>());
}

std::vector<uint64_t> GalleryKey::shuffled(uint64_t count) const {
  std::vector<uint64_t> order(count);
  std::iota(order.begin(), order.end(), uint64_t{0});
  KeyedStream stream(bytes_, Purpose::order, 0);
  for (uint64_t i = count; i > 1; --i) std::swap(order[i - 1], order[stream.below(i)]);
  return order;
}

}  // namespace vernissage::gallery
