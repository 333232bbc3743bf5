#include "server/gallery/audit.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "base/error.h"
#include "server/gallery/claim_log.h"
#include "server/gallery/gallery_config.h"
#include "server/gallery/own_files.h"
#include "server/gallery/secret.h"
#include "server/gallery/store/store.h"

namespace vernissage::gallery {
namespace {

std::vector<uint8_t> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw Error("cannot be read");
  return bytes;
}

// The files that could be owners' pictures, by what their names say of their content.
std::vector<std::filesystem::path> files_in(const std::filesystem::path& owned) {
  std::vector<std::filesystem::path> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(owned, none))
    if (entry.path().extension() == ".png" && digest_from_hex(entry.path().stem().string()))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// One owner's file against the log. Returns the painting it is of.
std::string check_file(const std::filesystem::path& path, const PublicKey& key,
                       const std::map<std::string, const Claim*>& claims) {
  const std::vector<uint8_t> bytes = read_file(path);
  if (const std::string is = hex(sha256(as_text(bytes))); is != path.stem())
    throw Error("was changed: its SHA-256 is " + is);
  const ReadCertificate read = verify_png(bytes);
  const Certificate& certificate = read.certificate;
  if (read.key != key) throw Error("is signed by another key, " + hex(read.key));
  const auto claim = claims.find(certificate.painting);
  if (claim == claims.end() || claim->second->number != certificate.claim ||
      claim->second->hash != certificate.log)
    throw Error("certifies claim " + std::to_string(certificate.claim) + " of painting " +
                certificate.painting + ", hash " + hex(certificate.log) +
                ", which the claim log does not have");
  return certificate.painting;
}

}  // namespace

Audit audit_gallery(const std::filesystem::path& directory, const std::optional<Digest>& head) {
  load_config(directory / "gallery.toml");
  Audit audit;
  const GalleryKey key = GalleryKey::load(directory / "gallery.key");
  audit.key = Signer(key).public_key();
  const auto database = directory / "gallery.db";
  const auto store = open_sqlite_reader(database);
  store->check_sound();
  check_own_key(*store, key, directory / "gallery.key");
  // The claims last: a server beside us writes claim, file and record in this order, so whatever
  // was seen before is explained by what is seen after.
  const auto files = files_in(directory / "owned");
  const auto pictures = store->pictures();
  const auto paintings = store->paintings();
  const auto log = store->claims_since(0);

  const LogVerdict verdict = check_log(log);
  if (verdict.fault) throw Error(database.string() + ": claim log: " + *verdict.fault);
  audit.claims = verdict.entries;
  audit.head = verdict.head;
  audit.paintings = std::ssize(paintings);
  if (head &&
      std::none_of(log.begin(), log.end(), [&](const Claim& claim) { return claim.hash == *head; }))
    throw Error(database.string() + ": claim log: no entry has the hash " + hex(*head) +
                "; the last of " + std::to_string(audit.claims) + " has " + hex(audit.head));

  std::set<std::string> hanging;
  for (const Painting& painting : paintings) hanging.insert(painting.id);
  std::map<std::string, const Claim*> claims;
  for (const Claim& claim : log) {
    if (!hanging.contains(claim.painting))
      throw Error(database.string() + ": claim log: entry " + std::to_string(claim.number) +
                  " is of painting " + claim.painting + ", which does not hang here");
    claims.emplace(claim.painting, &claim);
  }
  std::map<std::string, std::string> painting_of_file;
  for (const auto& path : files) try {
      painting_of_file.emplace(path.stem(), check_file(path, audit.key, claims));
    } catch (const Error& error) {
      throw Error(path.string() + ": " + error.what());
    }
  std::set<std::string> sound;
  for (const OwnerPicture& picture : pictures) {
    const auto file = painting_of_file.find(picture.sha256);
    if (file == painting_of_file.end()) continue;
    if (file->second != picture.painting)
      throw Error(database.string() + ": the picture of painting " + picture.painting +
                  " is recorded as " + picture.sha256 + ", which is of painting " + file->second);
    sound.insert(picture.painting);
  }
  audit.pictures = std::ssize(sound);
  for (const Claim& claim : log)
    if (!sound.contains(claim.painting)) audit.missing.push_back(claim.painting);
  return audit;
}

}  // namespace vernissage::gallery
