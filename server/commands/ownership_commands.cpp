#include "server/commands/ownership_commands.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/regular_file.h"
#include "server/gallery/audit.h"
#include "server/gallery/backup.h"
#include "server/gallery/certificate.h"
#include "server/gallery/plaque.h"
#include "server/visitors/cookie.h"

namespace vernissage {
namespace {

using gallery::Digest;

Digest read_digest(const std::string& name, const std::string& text) {
  const auto digest = gallery::digest_from_hex(text);
  if (!digest) throw Error(name + ": expected 64 hexadecimal digits, got \"" + text + "\"");
  return *digest;
}

void print(const gallery::Audit& audit) {
  std::printf("%lld of %lld paintings are owned, each by one visitor, no visitor owns two\n",
              static_cast<long long>(audit.claims), static_cast<long long>(audit.paintings));
  std::printf("%lld owners' pictures are as certified\n", static_cast<long long>(audit.pictures));
  for (const std::string& painting : audit.missing)
    std::printf("painting %s: its picture is not there yet; serving the gallery paints it\n",
                painting.c_str());
  std::printf("head of the claim log: %s\n", gallery::hex(audit.head).c_str());
  std::printf("key of the certificates: %s\n", gallery::hex(audit.key).c_str());
}

void verify(const std::string& path, const std::optional<Digest>& key) {
  expect_regular_file(path);
  std::ifstream file(path, std::ios::binary);
  const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw Error(path + ": cannot be read");
  gallery::ReadCertificate read;
  try {
    read = gallery::verify_png(bytes);
    if (key && read.key != *key)
      throw Error("is signed by another key: expected " + gallery::hex(*key) + ", got " +
                  gallery::hex(read.key));
  } catch (const Error& error) {
    throw Error(path + ": " + error.what());
  }
  const gallery::Certificate& certificate = read.certificate;
  std::printf("The certificate is valid, and of this picture.\n");
  std::printf("gallery: %s\ntitle:   %s\nowner:   %s\nclaim:   %lld\n",
              gallery::printable_text(certificate.gallery).c_str(),
              gallery::printable_text(certificate.title).c_str(),
              gallery::printable_text(certificate.owner).c_str(),
              static_cast<long long>(certificate.claim));
  std::printf("key:     %s\n", gallery::hex(read.key).c_str());
  if (!key)
    std::printf("Whose key that is, the file cannot prove: compare it with the gallery's.\n");
}

}  // namespace

void add_audit_command(CLI::App& app) {
  auto directory = std::make_shared<std::string>();
  auto head = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("audit", "Recompute the claim log and check every owner's picture");
  command->add_option("gallery", *directory, "the gallery's directory")->required();
  command->add_option("--head", *head, "a hash noted earlier, which the log must still contain");
  command->callback([=] {
    std::optional<Digest> noted;
    if (!head->empty()) noted = read_digest("--head", *head);
    print(gallery::audit_gallery(*directory, noted));
  });
}

void add_verify_command(CLI::App& app) {
  auto path = std::make_shared<std::string>();
  auto directory = std::make_shared<std::string>();
  auto key = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("verify", "Check an owner's picture by its certificate, offline");
  command->add_option("picture", *path, "the PNG file")->required();
  CLI::Option* by_gallery = command->add_option("--gallery", *directory,
                                                "it must be signed by this gallery (a directory)");
  command->add_option("--key", *key, "it must be signed by this key")->excludes(by_gallery);
  command->callback([=] {
    std::optional<Digest> expected;
    if (!key->empty()) expected = read_digest("--key", *key);
    if (!directory->empty())
      expected = gallery::Signer(
                     gallery::GalleryKey::load(std::filesystem::path(*directory) / "gallery.key"))
                     .public_key();
    verify(*path, expected);
  });
}

void add_backup_command(CLI::App& app) {
  auto directory = std::make_shared<std::string>();
  auto out = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("backup", "Copy a gallery while it is served; the copy can be served too");
  command->add_option("gallery", *directory, "the gallery's directory")->required();
  command->add_option("out", *out, "the copy's directory; must not exist")->required();
  command->callback([=] {
    print(gallery::backup_gallery(*directory, *out));
    std::printf("%s: whole, and as secret as the gallery itself\n", out->c_str());
  });
}

void add_rotate_keys_command(CLI::App& app) {
  auto directory = std::make_shared<std::string>();
  auto drop = std::make_shared<bool>(false);
  auto anew = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand(
      "rotate-keys", "Sign visitors' name tags with a fresh key; those of the old ones stay good");
  command->add_option("gallery", *directory, "the gallery's directory")->required();
  command->add_flag("--drop-oldest", *drop,
                    "where there are as many keys as are kept: forget the oldest");
  command->add_flag("--new", *anew,
                    "where visitors.key is lost: make a new one; every owner becomes a stranger");
  command->callback([=] {
    using visitors::CookieKeys;
    if (!std::filesystem::exists(std::filesystem::path(*directory) / "gallery.toml"))
      throw Error(*directory + ": not a gallery: there is no gallery.toml");
    const auto path = std::filesystem::path(*directory) / "visitors.key";
    if (*anew) {
      if (std::filesystem::exists(path))
        throw Error(path.string() + ": is there, --new is not needed");
      CookieKeys::open(path);
      std::printf("%s: made anew; whoever owned a painting is a stranger now.\n", path.c_str());
      return;
    }
    const size_t count = CookieKeys::load(path).count();
    if (count == CookieKeys::kKeysMax && !*drop)
      throw Error(path.string() + ": holds " + std::to_string(count) +
                  " keys, no more are kept: with --drop-oldest, whoever has not come since the "
                  "oldest was replaced will be a stranger, and owns nothing any more");
    CookieKeys::rotate(path);
    std::printf(
        "%s: a fresh key signs; tags signed by those before stay good for %lld days after "
        "their visitor was last here, and are renewed when the visitor comes.\n",
        path.c_str(), static_cast<long long>(visitors::kCookieSeconds / 86400));
    std::printf("A running server takes it up on SIGHUP.\n");
  });
}

}  // namespace vernissage
