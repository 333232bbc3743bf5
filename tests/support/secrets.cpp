#include "tests/support/secrets.h"

#include <cstdint>
#include <cstdio>
#include <string_view>

#include "base/digest.h"
#include "tests/support/child.h"

namespace vernissage::testing {
namespace {

constexpr int kLatent = 16;  // numbers of a latent that are looked for
constexpr uint64_t kNoChance = uint64_t{1} << 48;

// Whole groups only, so that the text is found inside a longer one.
std::string base64_of_groups(std::string_view bytes) {
  constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i + 3 <= bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t n = 0; n < 3; ++n) bits = bits << 8 | static_cast<unsigned char>(bytes[i + n]);
    for (int shift = 18; shift >= 0; shift -= 6) text += kLetters[bits >> shift & 63];
  }
  return text;
}

class Secrets {
 public:
  void add(const std::string& text, const std::string& name) { secrets_[text] = name; }
  void add_bytes(std::string_view bytes, const std::string& name) {
    add(std::string(bytes), name + ", raw");
    add(gallery::hex({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}),
        name + ", in hexadecimal");
    for (size_t skipped = 0; skipped < 3 && skipped + 6 <= bytes.size(); ++skipped)
      add(base64_of_groups(bytes.substr(skipped)), name + ", in base64");
  }
  // A number of 64 bits, in either order of its bytes.
  void add_number(uint64_t number, const std::string& name) {
    std::string little, big;
    for (int shift = 0; shift < 64; shift += 8) {
      little += static_cast<char>(number >> shift);
      big.insert(big.begin(), static_cast<char>(number >> shift));
    }
    char text[20];
    std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(number));
    add(std::to_string(number), name + ", in decimal");
    add(text, name + ", in hexadecimal");
    add_bytes(little, name);
    add_bytes(big, name);
  }
  std::map<std::string, std::string> take() { return std::move(secrets_); }

 private:
  std::map<std::string, std::string> secrets_;
};

}  // namespace

std::map<std::string, std::string> secrets_of(const gallery::Gallery& gallery) {
  Secrets secrets;
  const std::string key = file_text(gallery.directory() / "gallery.key");
  for (size_t at = 0; at + 12 <= key.size(); at += 12)
    secrets.add_bytes(std::string_view(key).substr(at, 12), "a part of the key");
  for (const char* purpose : {"visitors", "certificates"})
    secrets.add_bytes(gallery::as_text(gallery.key().derived(purpose)),
                      std::string("the key for ") + purpose);
  const std::string cookie_keys = file_text(gallery.directory() / "visitors.key");
  if (cookie_keys.size() >= 32)
    secrets.add_bytes(std::string_view(cookie_keys).substr(cookie_keys.size() - 32),
                      "the visitors' key");
  for (const gallery::Painting* painting : gallery.catalogue()) {
    const std::string of = " of " + painting->id;
    if (painting->candidate >= kNoChance)
      secrets.add_number(painting->candidate, "the candidate" + of);
    secrets.add_number(gallery.key().noise_seed(painting->candidate), "the noise seed" + of);
    const auto z = gallery.key().latent(painting->candidate, kLatent);
    const std::string_view bytes(reinterpret_cast<const char*>(z.data()), kLatent * sizeof(float));
    for (size_t at = 0; at < bytes.size(); at += 16)
      secrets.add_bytes(bytes.substr(at, 16), "a part of z" + of);
    for (int i = 0; i < 3; ++i) {
      char text[40];
      std::snprintf(text, sizeof text, "%.9g", double{z[static_cast<size_t>(i)]});
      secrets.add(text, "z, in decimal" + of);
    }
  }
  return secrets.take();
}

std::string secrets_in(const std::map<std::string, std::string>& seen,
                       const std::map<std::string, std::string>& secrets) {
  std::string found;
  for (const auto& [where, text] : seen)
    for (const auto& [secret, name] : secrets)
      if (text.find(secret) != std::string::npos)
        found.append(where).append(" holds ").append(name + "\n");
  return found;
}

}  // namespace vernissage::testing
