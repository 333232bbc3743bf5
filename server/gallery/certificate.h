// Certificates: a signed statement of who owns which picture, readable by eye, carried inside the
// picture's file, and checked without the gallery.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "server/gallery/secret.h"
#include "server/images/images.h"

namespace vernissage::gallery {

/// IPTC's word for pictures that a trained network made.
inline constexpr char kDigitalSourceType[] =
    "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

/// What is signed. Control characters in texts become spaces. Never a seed, a candidate, z or w.
struct Certificate {
  std::string gallery;   // its name
  std::string painting;  // id
  std::string title;
  std::string owner;    // the plaque; may be empty
  int64_t claim = 0;    // number in the claim log
  int64_t time_ms = 0;  // of the claim, since 1970, UTC
  Digest log{};         // hash of the claim's entry
  Digest pixels{};      // pixels_digest() of the picture
  Digest network{};     // SHA-256 of the weights' file

  bool operator==(const Certificate&) const = default;
};

/// SHA-256 of "vernissage pixels 1\n", width, height, channels (8 bytes each, little-endian) and
/// the pixels: of the picture itself, whichever way it is compressed.
Digest pixels_digest(const Image& image);

using PublicKey = std::array<uint8_t, 32>;  // Ed25519, RFC 8032

/// Signs for one gallery. The private key is drawn from the gallery's key.
class Signer {
 public:
  explicit Signer(const GalleryKey& key);

  const PublicKey& public_key() const { return public_key_; }
  /// The certificate's text: one "name: value" a line, ending with the public key and the signature
  /// over all lines before it.
  std::string sign(const Certificate& certificate) const;

 private:
  std::shared_ptr<void> key_;  // EVP_PKEY
  PublicKey public_key_{};
};

struct ReadCertificate {
  Certificate certificate;
  PublicKey key{};  // of the gallery that says so
};
/// Checks the text's form and its signature. Throws Error saying what is wrong.
ReadCertificate read_certificate(std::string_view text);

/// The owner's file: the picture as PNG with its certificate and where it comes from. The same
/// picture and certificate give the same bytes.
std::vector<uint8_t> certified_png(const Image& image, const Certificate& certificate,
                                   const std::string& signed_text);

/// Checks a file made by certified_png: the certificate inside it and that it speaks of these
/// pixels. Throws Error saying what is wrong.
ReadCertificate verify_png(std::span<const uint8_t> bytes);

}  // namespace vernissage::gallery
