// The gallery's memory, free of any database: rooms and their paintings, and who owns what.
// SQLite is seen by sqlite_store.cpp alone, so that another store can stand behind the same calls;
// tests/server/gallery/store_conformance_test.cpp says what each of them must do.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/error.h"

namespace vernissage::gallery {

/// The store cannot write just now (a full disk, a failing one): nothing was changed, reading goes
/// on, and the same call may succeed later.
class StoreUnavailable : public Error {
 public:
  using Error::Error;
};

/// Why a painting has its title: what was asked of the curator's network, and how well the painting
/// answered among all that there were.
struct Why {
  std::string query;  // the words
  float score = 0;    // cosine of picture and words, -1 … 1
  int64_t rank = 0;   // place by score among all candidates, from 1
  int64_t of = 0;     // candidates

  bool operator==(const Why&) const = default;
};

/// One work on a wall. `candidate` says which keyed latent it is painted from; it is worth nothing
/// without the key, and is shown to nobody all the same.
struct Painting {
  std::string id;    // random_id(): what addresses are made of
  std::string room;  // slug of its room
  int position = 0;  // place on the wall, from 0, unique in its room
  std::string title;
  uint64_t candidate = 0;     // unique in the gallery; < 2^63
  std::optional<Why> why{};   // nothing: nobody chose it
  std::string placeholder{};  // ThumbHash in base64, to show until a preview is there; may be empty

  bool operator==(const Painting&) const = default;
};

/// What a picture shows, as a point in the curator's space.
struct Embedding {
  std::string painting;       // id
  std::vector<float> vector;  // of length 1; the same size for all of a gallery

  bool operator==(const Embedding&) const = default;
};

/// What a claim came to.
enum class ClaimResult {
  won,          // the painting is this visitor's from now on
  same,         // this visitor had won this painting before
  taken,        // another visitor owns it; this one owns nothing
  already_own,  // this visitor owns another painting
};

/// One entry of the claim log, which only ever grows, or what is to become one: then without
/// number, previous and hash, which the store gives. It holds no visitor's identity, only a keyed
/// hash of it. Entry n's hash covers entry n - 1's, so an entry that is changed or left out breaks
/// every later one.
struct Claim {
  int64_t number = 0;  // 1, 2, 3 …: the order in which paintings were won
  std::string painting;
  Digest visitor{};     // keyed hash
  Digest request{};     // keyed hash of the idempotency key; zeros: none
  std::string plaque;   // the name to show beside the painting; may be empty
  int64_t time_ms = 0;  // since 1970, UTC
  Digest previous{};    // entry n - 1's hash; zeros for entry 1
  Digest hash{};        // link(…) of all of the above

  bool operator==(const Claim&) const = default;
};

/// SHA-256 of "vernissage claim 1\n", previous, number (8 bytes), visitor, request, time (8 bytes),
/// then painting and plaque, each after its length (8 bytes); numbers little-endian.
Digest link(const Claim& claim);

/// The owner's picture, once it lies in its file.
struct OwnerPicture {
  std::string painting;     // id
  std::string sha256;       // of the file's bytes, in hex: also its name
  std::string certificate;  // Certificate::text

  bool operator==(const OwnerPicture&) const = default;
};

/// One store per gallery and process: it holds the only connection that writes. Safe to call from
/// several threads. Every call may throw Error; those that write throw StoreUnavailable when
/// nothing is wrong with what they were given.
class Store {
 public:
  virtual ~Store() = default;

  /// Hangs them all or, with an Error naming what collides, none.
  virtual void hang(const std::vector<Painting>& paintings) = 0;
  /// All paintings, by room and position.
  virtual std::vector<Painting> paintings() const = 0;

  /// Records what hanging paintings show: all or, with an Error, none.
  virtual void record_embeddings(const std::vector<Embedding>& embeddings) = 0;
  /// All that were recorded, by painting.
  virtual std::vector<Embedding> embeddings() const = 0;

  /// One transaction; when it returns `won`, the claim outlives a power cut. Of any number of
  /// simultaneous claims on one painting, or by one visitor, one wins: the store's unique
  /// constraints decide, not a look beforehand. `claim`: what is wanted; then the entry that
  /// decides: this visitor's (won, same, already_own) or the painting's (taken). Throws Error for a
  /// painting that does not hang; `claim` is then as it was.
  virtual ClaimResult claim(Claim& claim) = 0;
  virtual std::optional<Claim> claim_of(const Digest& visitor) const = 0;
  virtual std::optional<Claim> owner_of(std::string_view painting) const = 0;
  /// Entries number + 1 and on, in their order.
  virtual std::vector<Claim> claims_since(int64_t number) const = 0;

  /// Records where the picture of a claimed painting lies; replaces what was recorded before.
  virtual void record_picture(const OwnerPicture& picture) = 0;
  /// All recorded pictures, in the order of their claims.
  virtual std::vector<OwnerPicture> pictures() const = 0;

  /// What is known of the gallery beside its paintings, by name: which key ("key") and which
  /// network ("generator") are its own. Nothing: never recorded. The last value recorded stands.
  virtual std::optional<std::string> fact(const std::string& name) const = 0;
  virtual void record_fact(const std::string& name, const std::string& value) = 0;

  /// True while a claim could be written now; of a store that is open to read, while it answers.
  /// Cheap enough to be asked every second.
  virtual bool healthy() const = 0;
  /// Throws Error when the file is damaged; reads all of it.
  virtual void check_sound() const = 0;
  /// How often writing was given up because another held the store.
  virtual uint64_t busy_total() const { return 0; }
};

/// Opens `path`, brings its schema up to date, checks that the file is sound. Throws Error naming
/// the path. `create`: it must not exist yet; otherwise it must.
std::unique_ptr<Store> open_sqlite_store(const std::filesystem::path& path, bool create);

/// Opens `path` beside a running server, to read: the calls that write throw Error. The schema must
/// be this program's.
std::unique_ptr<Store> open_sqlite_reader(const std::filesystem::path& path);

/// Writes what `path` holds at this moment into the new file `out`, beside a running server, which
/// goes on. Throws Error naming the path.
void backup_sqlite(const std::filesystem::path& path, const std::filesystem::path& out);

}  // namespace vernissage::gallery
