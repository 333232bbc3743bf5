// The gallery's memory, free of any database: rooms and their paintings, and later who owns what.
// SQLite is seen by sqlite_store.cpp alone, so that another store can stand behind the same calls.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace vernissage::gallery {

/// One work on a wall. `candidate` says which keyed latent it is painted from; it is worth nothing
/// without the key, and is shown to nobody all the same.
struct Painting {
  std::string id;    // random_id(): what addresses are made of
  std::string room;  // slug of its room
  int position = 0;  // place on the wall, from 0, unique in its room
  std::string title;
  uint64_t candidate = 0;  // unique in the gallery; < 2^63

  bool operator==(const Painting&) const = default;
};

/// One store per gallery and process: it holds the only connection that writes. Safe to call from
/// several threads.
class Store {
 public:
  virtual ~Store() = default;

  /// Hangs them all or, with an Error naming what collides, none.
  virtual void hang(const std::vector<Painting>& paintings) = 0;
  /// All paintings, by room and position.
  virtual std::vector<Painting> paintings() = 0;
  /// True while the store answers.
  virtual bool healthy() = 0;
};

/// Opens `path`, brings its schema up to date, checks that the file is sound. Throws Error naming
/// the path. `create`: it must not exist yet; otherwise it must.
std::unique_ptr<Store> open_sqlite_store(const std::filesystem::path& path, bool create);

}  // namespace vernissage::gallery
