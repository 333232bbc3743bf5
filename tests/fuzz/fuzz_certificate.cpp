// Any bytes as an owner's picture, and as the text of a certificate: refused in words. Nothing is
// believed but what stands in the corpus: an input changed in one bit carries no signature.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "server/gallery/certificate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vernissage;
  // Who signed the one good certificate of the corpus; the other half of the key is gone.
  static constexpr char kSigner[] =
      "dec2c99b33c1a37d0b0c29e385bbfe80d76b730f0b099975bd903f66c85ba502";
  const auto check = [](const gallery::ReadCertificate& read) {
    if (gallery::hex(read.key) != kSigner || read.certificate.owner != "Ada") std::abort();
  };
  try {
    check(gallery::verify_png({data, size}));
  } catch (const Error&) {
  }
  try {
    check(gallery::read_certificate({reinterpret_cast<const char*>(data), size}));
  } catch (const Error&) {
  }
  return 0;
}
