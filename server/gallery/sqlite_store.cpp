// SQLite behind the Store seam. WAL with synchronous=FULL: what was said to be done survives a
// power cut (NORMAL loses acknowledged commits there). One connection, exclusive to this process,
// writes and checkpoints: two that do so at once can damage a WAL file before SQLite 3.51.3.
#include <SQLiteCpp/SQLiteCpp.h>

#include <array>
#include <mutex>

#include "engine/error.h"
#include "server/gallery/store.h"

namespace vernissage::gallery {
namespace {

// Step n brings a database from user_version n to n + 1, in one transaction. Steps are only ever
// added: galleries made by older versions pass through all of them.
constexpr std::array kMigrations = {
    R"sql(
      CREATE TABLE painting (
        id        TEXT    PRIMARY KEY NOT NULL,
        room      TEXT    NOT NULL,
        position  INTEGER NOT NULL CHECK (position >= 0),
        title     TEXT    NOT NULL CHECK (title <> ''),
        candidate INTEGER NOT NULL UNIQUE CHECK (candidate >= 0),
        UNIQUE (room, position)
      ) STRICT;
    )sql",
};

class SqliteStore : public Store {
 public:
  SqliteStore(const std::filesystem::path& path, bool create)
      : path_(path.string()),
        database_(path_, SQLite::OPEN_READWRITE | SQLite::OPEN_NOFOLLOW |
                             (create ? SQLite::OPEN_CREATE : 0)) {
    database_.setBusyTimeout(0);  // nobody else may hold a lock
    database_.exec("PRAGMA locking_mode = EXCLUSIVE");
    const std::string mode = database_.execAndGet("PRAGMA journal_mode = WAL").getString();
    if (mode != "wal") throw Error("expected journal mode wal, got " + mode);
    database_.exec("PRAGMA synchronous = FULL");
    database_.exec("PRAGMA foreign_keys = ON");
    database_.exec("PRAGMA trusted_schema = OFF");
    migrate();
    const std::string verdict = database_.execAndGet("PRAGMA quick_check(1)").getString();
    if (verdict != "ok") throw Error("the database is damaged: " + verdict);
  }

  void hang(const std::vector<Painting>& paintings) override {
    const std::lock_guard lock(mutex_);
    const Painting* current = nullptr;
    try {
      SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
      SQLite::Statement insert(database_,
                               "INSERT INTO painting (id, room, position, title, candidate) "
                               "VALUES (?, ?, ?, ?, ?)");
      for (const Painting& painting : paintings) {
        current = &painting;
        insert.bind(1, painting.id);
        insert.bind(2, painting.room);
        insert.bind(3, painting.position);
        insert.bind(4, painting.title);
        insert.bind(5, static_cast<int64_t>(painting.candidate));
        insert.exec();
        insert.reset();
      }
      transaction.commit();
    } catch (const SQLite::Exception& exception) {
      const std::string which = current ? "painting " + current->id + " in room " + current->room +
                                              ", place " + std::to_string(current->position) + ": "
                                        : "";
      throw Error(path_ + ": " + which + exception.what());
    }
  }

  std::vector<Painting> paintings() override {
    const std::lock_guard lock(mutex_);
    try {
      SQLite::Statement query(database_,
                              "SELECT id, room, position, title, candidate FROM painting "
                              "ORDER BY room, position");
      std::vector<Painting> result;
      while (query.executeStep())
        result.push_back({query.getColumn(0).getString(), query.getColumn(1).getString(),
                          query.getColumn(2).getInt(), query.getColumn(3).getString(),
                          static_cast<uint64_t>(query.getColumn(4).getInt64())});
      return result;
    } catch (const SQLite::Exception& exception) {
      throw Error(path_ + ": " + exception.what());
    }
  }

  bool healthy() override {
    const std::lock_guard lock(mutex_);
    try {
      database_.execAndGet("SELECT count(*) FROM painting");
      return true;
    } catch (const SQLite::Exception&) {
      return false;
    }
  }

 private:
  void migrate() {
    const int newest = static_cast<int>(kMigrations.size());
    const int version = database_.execAndGet("PRAGMA user_version").getInt();
    if (version > newest)
      throw Error("made by a newer vernissage: schema " + std::to_string(version) +
                  ", this one knows up to " + std::to_string(newest));
    for (int step = version; step < newest; ++step) {
      SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
      database_.exec(kMigrations[static_cast<size_t>(step)]);
      database_.exec("PRAGMA user_version = " + std::to_string(step + 1));
      transaction.commit();
    }
  }

  std::string path_;
  std::mutex mutex_;  // guards database_
  SQLite::Database database_;
};

}  // namespace

std::unique_ptr<Store> open_sqlite_store(const std::filesystem::path& path, bool create) {
  if (create && std::filesystem::exists(path)) throw Error(path.string() + ": is already there");
  try {
    return std::make_unique<SqliteStore>(path, create);
  } catch (const SQLite::Exception& exception) {
    throw Error(path.string() + ": " + exception.what());
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
}

}  // namespace vernissage::gallery
