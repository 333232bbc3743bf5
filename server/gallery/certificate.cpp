#include "server/gallery/certificate.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "base/error.h"

namespace vernissage::gallery {
namespace {

constexpr std::string_view kFirstLine = "vernissage certificate 1";
constexpr size_t kSignatureBytes = 64;
constexpr char kKeyword[] = "Certificate";

// The lines between the first and the signature, in the one order there is.
constexpr std::string_view kNames[] = {"gallery", "painting", "title", "owner",
                                       "claim",   "claimed",  "log",   "pixels",
                                       "network", "source",   "key"};

void append_number(std::string& bytes, uint64_t number) {
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(number >> (8 * i));
}

// One line, whatever somebody has put into a name.
std::string line(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return out;
}

// 2020-06-01T12:34:56.789Z
std::string date(int64_t time_ms) {
  const std::time_t seconds = time_ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%03dZ", static_cast<int>(time_ms % 1000));
  return text;
}

int64_t read_number(std::string_view text, std::string_view name) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0)
    throw Error("certificate: " + std::string(name) + ": expected a number");
  return value;
}

int64_t read_date(const std::string& text) {
  std::tm parts{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  int milliseconds = 0;
  if (!rest || std::sscanf(rest, ".%3dZ", &milliseconds) != 1)
    throw Error("certificate: claimed: expected a date");
  const int64_t time_ms = int64_t{timegm(&parts)} * 1000 + milliseconds;
  if (date(time_ms) != text) throw Error("certificate: claimed: expected a date");
  return time_ms;
}

Digest read_digest(std::string_view text, std::string_view name) {
  const auto digest = digest_from_hex(text);
  if (!digest)
    throw Error("certificate: " + std::string(name) + ": expected 64 hexadecimal digits");
  return *digest;
}

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

bool is_signed(std::string_view text, const std::array<uint8_t, kSignatureBytes>& signature,
               const PublicKey& key) {
  const std::unique_ptr<EVP_PKEY, FreeKey> public_key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  if (!public_key || !context ||
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()) != 1)
    throw Error("OpenSSL has no Ed25519");
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
}

std::string xml_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

// What picture programs look for: the title, and that a trained network made this.
std::string xmp(const Certificate& certificate) {
  return "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>"
         "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">"
         "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">"
         "<rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" "
         "xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\">"
         "<dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">" +
         xml_escaped(line(certificate.title)) +
         "</rdf:li></rdf:Alt></dc:title><Iptc4xmpExt:DigitalSourceType>" + kDigitalSourceType +
         "</Iptc4xmpExt:DigitalSourceType></rdf:Description></rdf:RDF></x:xmpmeta>"
         "<?xpacket end=\"r\"?>";
}

// The text of the PNG's first iTXt chunk of that keyword. PNG, third edition, 11.3.3.4: keyword, 0,
// compression flag (0 here), method, language, 0, translated keyword, 0, text.
std::string text_chunk(std::span<const uint8_t> bytes, std::string_view keyword) {
  size_t at = 0;
  while (const auto found = next_png_chunk(bytes, at)) {
    const std::string_view chunk = as_text(found->data);
    if (found->type != "iTXt" || chunk.size() <= keyword.size() + 2 ||
        !chunk.starts_with(keyword) || chunk[keyword.size()] != 0 || chunk[keyword.size() + 1] != 0)
      continue;
    const size_t translated = chunk.find('\0', keyword.size() + 3);
    const size_t text =
        translated == std::string_view::npos ? translated : chunk.find('\0', translated + 1);
    if (text != std::string_view::npos) return std::string(chunk.substr(text + 1));
  }
  throw Error("it carries no certificate");
}

}  // namespace

Digest pixels_digest(const Image& image) {
  check(image);
  std::string bytes = "vernissage pixels 1\n";
  for (const int number : {image.width, image.height, image.channels})
    append_number(bytes, static_cast<uint64_t>(number));
  bytes += as_text(image.pixels);
  return sha256(bytes);
}

Signer::Signer(const GalleryKey& key) {
  auto seed = key.derived("certificates");
  EVP_PKEY* made =
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size());
  OPENSSL_cleanse(seed.data(), seed.size());
  size_t size = public_key_.size();
  if (made) key_ = {made, [](void* held) { EVP_PKEY_free(static_cast<EVP_PKEY*>(held)); }};
  if (!made || EVP_PKEY_get_raw_public_key(made, public_key_.data(), &size) != 1)
    throw Error("OpenSSL has no Ed25519");
}

std::string Signer::sign(const Certificate& certificate) const {
  const std::string values[] = {line(certificate.gallery),
                                line(certificate.painting),
                                line(certificate.title),
                                line(certificate.owner),
                                std::to_string(certificate.claim),
                                date(certificate.time_ms),
                                hex(certificate.log),
                                hex(certificate.pixels),
                                hex(certificate.network),
                                kDigitalSourceType,
                                hex(public_key_)};
  static_assert(std::size(values) == std::size(kNames));
  std::string text = std::string(kFirstLine) + "\n";
  for (size_t i = 0; i < std::size(kNames); ++i)
    text.append(kNames[i]).append(": ").append(values[i]).append("\n");

  std::array<uint8_t, kSignatureBytes> signature{};
  size_t size = signature.size();
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr,
                         static_cast<EVP_PKEY*>(key_.get())) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size,
                     reinterpret_cast<const unsigned char*>(text.data()), text.size()) != 1)
    throw Error("OpenSSL's Ed25519 failed");
  return text.append("signature: ").append(hex(signature)).append("\n");
}

ReadCertificate read_certificate(std::string_view text) {
  std::string_view rest = text;
  const auto next_line = [&rest](std::string_view prefix) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos || !rest.starts_with(prefix))
      throw Error("certificate: expected a line \"" + std::string(prefix) + "…\"");
    const std::string_view value = rest.substr(prefix.size(), end - prefix.size());
    rest.remove_prefix(end + 1);
    return value;
  };
  if (!next_line(kFirstLine).empty())
    throw Error("certificate: expected \"" + std::string(kFirstLine) + "\"");
  std::string_view values[std::size(kNames)];
  for (size_t i = 0; i < std::size(kNames); ++i)
    values[i] = next_line(std::string(kNames[i]) + ": ");
  const std::string_view signed_part = text.substr(0, text.size() - rest.size());
  const std::string_view signature_text = next_line("signature: ");
  if (!rest.empty()) throw Error("certificate: more text behind the signature");

  ReadCertificate read;
  Certificate& certificate = read.certificate;
  certificate.gallery = values[0];
  certificate.painting = values[1];
  certificate.title = values[2];
  certificate.owner = values[3];
  certificate.claim = read_number(values[4], kNames[4]);
  certificate.time_ms = read_date(std::string(values[5]));
  certificate.log = read_digest(values[6], kNames[6]);
  certificate.pixels = read_digest(values[7], kNames[7]);
  certificate.network = read_digest(values[8], kNames[8]);
  if (values[9] != kDigitalSourceType)
    throw Error("certificate: source: expected " + std::string(kDigitalSourceType));
  read.key = read_digest(values[10], kNames[10]);

  std::array<uint8_t, kSignatureBytes> signature{};
  if (signature_text.size() != 2 * kSignatureBytes)
    throw Error("certificate: signature: expected 128 hexadecimal digits");
  for (const size_t half : {size_t{0}, kSignatureBytes / 2}) {
    const Digest part = read_digest(signature_text.substr(2 * half, kSignatureBytes), "signature");
    std::copy(part.begin(), part.end(), signature.begin() + static_cast<std::ptrdiff_t>(half));
  }
  if (!is_signed(signed_part, signature, read.key))
    throw Error("certificate: the signature is not that of its text");
  return read;
}

std::vector<uint8_t> certified_png(const Image& image, const Certificate& certificate,
                                   const std::string& signed_text) {
  return encode_png(image, {{"Title", line(certificate.title)},
                            {"Source", line(certificate.gallery)},
                            {"Network SHA-256", hex(certificate.network)},
                            {"DigitalSourceType", kDigitalSourceType},
                            {"XML:com.adobe.xmp", xmp(certificate)},
                            {kKeyword, signed_text}});
}

ReadCertificate verify_png(std::span<const uint8_t> bytes) {
  const Image image = decode_png(bytes);
  const ReadCertificate read = read_certificate(text_chunk(bytes, kKeyword));
  const Digest pixels = pixels_digest(image);
  if (pixels != read.certificate.pixels)
    throw Error("the certificate is of another picture: expected pixels " +
                hex(read.certificate.pixels) + ", got " + hex(pixels));
  return read;
}

}  // namespace vernissage::gallery
