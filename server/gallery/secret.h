// The gallery's secret and what is drawn from it. A painting is its latent: whoever can repeat the
// latent can paint the picture. So latents come from a 256-bit key that never leaves this file's
// functions, not from a small public seed that could be searched.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace vernissage::gallery {

/// A fresh name for a painting: 128 random bits as 26 characters of base32 (a-z, 2-7).
std::string random_id();
/// True for a text that random_id() could have given.
bool is_id(std::string_view text);

/// The 256-bit key of one gallery. Wiped from memory at the end of its life.
class GalleryKey {
 public:
  /// A new key from the system's generator, written to `path` with mode 0600. Throws Error when the
  /// file exists or cannot be written.
  static GalleryKey create(const std::filesystem::path& path);
  /// Throws Error naming the path when it is missing, of another size, or readable by others.
  static GalleryKey load(const std::filesystem::path& path);

  GalleryKey(const GalleryKey&) = default;
  GalleryKey& operator=(const GalleryKey&) = delete;
  ~GalleryKey();

  /// Candidate n's latent: z_dim independent standard normal numbers. ChaCha20 under the key, with
  /// the candidate in the nonce, gives uniform 53-bit fractions; Box and Muller's transform in
  /// double makes them normal; rounded to float.
  std::vector<float> latent(uint64_t candidate, int z_dim) const;
  /// Candidate n's seed for the noise inside the network.
  uint64_t noise_seed(uint64_t candidate) const;
  /// Candidate n's class, 0 … classes - 1, for networks with labels.
  int label(uint64_t candidate, int classes) const;
  /// 256 bits for a purpose of their own, named in words: HMAC-SHA256 of the name under the key.
  /// Knowing some of them says nothing of the others or of the key.
  std::array<unsigned char, 32> derived(std::string_view purpose) const;
  /// Candidate n's name, as random_id() gives names, but the same whenever it is asked for: the
  /// first 128 bits of derived("painting n"). Without the key it says nothing of n.
  std::string painting_id(uint64_t candidate) const;
  /// A permutation of 0 … count - 1: the order in which candidates are hung.
  std::vector<uint64_t> shuffled(uint64_t count) const;

 private:
  explicit GalleryKey(const std::array<unsigned char, 32>& bytes) : bytes_(bytes) {}

  std::array<unsigned char, 32> bytes_;
};

}  // namespace vernissage::gallery
