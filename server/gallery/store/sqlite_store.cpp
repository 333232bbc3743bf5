// SQLite behind the Store seam. WAL with synchronous=FULL: what was said to be done survives a
// power cut (NORMAL loses acknowledged commits there). One connection of one process writes and
// does every checkpoint: two that do so at once can damage a WAL file before SQLite 3.51.3. All
// others are opened read-only, which keeps them from checkpointing too.
#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <mutex>

#include "base/error.h"
#include "server/gallery/store/store.h"

namespace vernissage::gallery {
namespace {

constexpr int kWriterPatienceMs = 2000;  // while a shell or a backup tool holds the database
constexpr int kReaderPatienceMs = 2000;  // while a log left by a crash is being read back

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
    R"sql(
      CREATE TABLE claim (
        number   INTEGER PRIMARY KEY NOT NULL CHECK (number > 0),
        painting TEXT    NOT NULL UNIQUE REFERENCES painting (id),
        visitor  BLOB    NOT NULL UNIQUE CHECK (length(visitor) = 32),
        request  BLOB    NOT NULL CHECK (length(request) = 32),
        plaque   TEXT    NOT NULL,
        time_ms  INTEGER NOT NULL,
        previous BLOB    NOT NULL UNIQUE CHECK (length(previous) = 32),
        hash     BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32)
      ) STRICT;
      CREATE TRIGGER claim_is_final BEFORE UPDATE ON claim
        BEGIN SELECT RAISE(ABORT, 'a claim is never changed'); END;
      CREATE TRIGGER claim_is_kept BEFORE DELETE ON claim
        BEGIN SELECT RAISE(ABORT, 'a claim is never deleted'); END;
      CREATE TABLE picture (
        painting    TEXT PRIMARY KEY NOT NULL REFERENCES claim (painting),
        sha256      TEXT NOT NULL CHECK (length(sha256) = 64),
        certificate TEXT NOT NULL
      ) STRICT;
    )sql",
    R"sql(
      ALTER TABLE painting ADD COLUMN query TEXT CHECK (query <> '');
      ALTER TABLE painting ADD COLUMN score REAL
        CHECK ((score IS NULL) = (query IS NULL) AND (query IS NULL OR score BETWEEN -1.001 AND 1.001));
      ALTER TABLE painting ADD COLUMN rank INTEGER
        CHECK ((rank IS NULL) = (query IS NULL) AND (query IS NULL OR rank > 0));
      ALTER TABLE painting ADD COLUMN rank_of INTEGER
        CHECK ((rank_of IS NULL) = (query IS NULL) AND (query IS NULL OR rank_of >= rank));
      ALTER TABLE painting ADD COLUMN placeholder TEXT NOT NULL DEFAULT '';
      CREATE TABLE embedding (
        painting TEXT PRIMARY KEY NOT NULL REFERENCES painting (id),
        vector   BLOB NOT NULL CHECK (length(vector) > 0 AND length(vector) % 4 = 0)  -- float32, little-endian
      ) STRICT;
    )sql",
    R"sql(
      CREATE TABLE fact (
        name  TEXT PRIMARY KEY NOT NULL,
        value TEXT NOT NULL
      ) STRICT;
    )sql",
};
constexpr int kSchema = static_cast<int>(kMigrations.size());

constexpr char kClaimColumns[] =
    "SELECT number, painting, visitor, request, plaque, time_ms, previous, hash FROM claim ";

// Held as long as the store is open: who has it is the one process that writes. A file of its own,
// because closing any descriptor of the database would drop SQLite's locks.
class WriterLock {
 public:
  explicit WriterLock(const std::string& database) {
    const std::string path = database + ".lock";
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file_ < 0) throw Error("cannot be locked: " + std::string(std::strerror(errno)));
    if (::flock(file_, LOCK_EX | LOCK_NB) == 0) return;
    ::close(file_);
    throw Error("locked: another process serves this gallery");
  }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;
  ~WriterLock() { ::close(file_); }

 private:
  int file_;
};

Digest digest_of(const SQLite::Column& column) {
  Digest digest{};
  if (column.getBytes() != static_cast<int>(digest.size()))
    throw Error("claim log: a hash of " + std::to_string(column.getBytes()) + " bytes");
  const auto* bytes = static_cast<const uint8_t*>(column.getBlob());
  std::copy(bytes, bytes + digest.size(), digest.begin());
  return digest;
}

Claim claim_of_row(SQLite::Statement& row) {
  return {row.getColumn(0).getInt64(), row.getColumn(1).getString(), digest_of(row.getColumn(2)),
          digest_of(row.getColumn(3)), row.getColumn(4).getString(), row.getColumn(5).getInt64(),
          digest_of(row.getColumn(6)), digest_of(row.getColumn(7))};
}

Painting painting_of_row(SQLite::Statement& row) {
  Painting painting{row.getColumn(0).getString(), row.getColumn(1).getString(),
                    row.getColumn(2).getInt(), row.getColumn(3).getString(),
                    static_cast<uint64_t>(row.getColumn(4).getInt64())};
  if (!row.getColumn(5).isNull())
    painting.why =
        Why{row.getColumn(5).getString(), static_cast<float>(row.getColumn(6).getDouble()),
            row.getColumn(7).getInt64(), row.getColumn(8).getInt64()};
  painting.placeholder = row.getColumn(9).getString();
  return painting;
}

// As little-endian float32: every machine this is built for has them so in memory.
static_assert(std::endian::native == std::endian::little && sizeof(float) == 4);

std::vector<float> vector_of(const SQLite::Column& column) {
  std::vector<float> values(static_cast<size_t>(column.getBytes()) / sizeof(float));
  std::memcpy(values.data(), column.getBlob(), values.size() * sizeof(float));
  return values;
}

std::optional<Claim> first_claim(SQLite::Statement& query) {
  return query.executeStep() ? std::optional(claim_of_row(query)) : std::nullopt;
}

void bind_digest(SQLite::Statement& statement, int index, const Digest& digest) {
  statement.bind(index, digest.data(), static_cast<int>(digest.size()));
}

std::optional<Claim> find_by_visitor(SQLite::Database& database, const Digest& visitor) {
  SQLite::Statement query(database, std::string(kClaimColumns) + "WHERE visitor = ?");
  bind_digest(query, 1, visitor);
  return first_claim(query);
}

std::optional<Claim> find_by_painting(SQLite::Database& database, std::string_view painting) {
  SQLite::Statement query(database, std::string(kClaimColumns) + "WHERE painting = ?");
  query.bind(1, std::string(painting));
  return first_claim(query);
}

bool is_unique_violation(const SQLite::Exception& exception) {
  return exception.getExtendedErrorCode() == SQLITE_CONSTRAINT_UNIQUE ||
         exception.getExtendedErrorCode() == SQLITE_CONSTRAINT_PRIMARYKEY;
}

// The machine's trouble, not that of what was asked.
bool is_unavailable(const SQLite::Exception& exception) {
  switch (exception.getErrorCode()) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return true;
    default:
      return false;
  }
}

// What SQLite would be told of a file that has lost its head or its body as "file is not a
// database". Throws Error.
void check_header(const std::filesystem::path& path) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  std::ifstream file(path, std::ios::binary);
  std::string start(kMagic.size(), '\0');
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  if (file.bad() || (!file && !file.eof())) throw Error(std::string(std::strerror(errno)));
  if (file.gcount() == 0) throw Error("is empty (0 bytes): restore it from a backup");
  if (start != kMagic) throw Error("is no SQLite database: restore it from a backup");
}

// A file as the system knows it, whatever its name.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;

  static std::optional<FileIdentity> of(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return std::nullopt;
    return FileIdentity{status.st_dev, status.st_ino};
  }
  bool operator==(const FileIdentity&) const = default;
};

// Behind all symbolic links: so SQLite, which is to follow none, has none to follow, and every way
// to one database leads to one lock. Throws Error.
std::filesystem::path real_path(const std::filesystem::path& path) {
  std::error_code failed;
  const auto real = std::filesystem::weakly_canonical(path, failed);
  if (failed) throw Error(failed.message());
  return real;
}

// Where nothing can be written beside the database, SQLite reads it only as one that never changes.
std::string reader_uri(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.parent_path();
  if (::access(folder.c_str(), W_OK) == 0) return path.string();
  std::error_code failed;
  const auto log = std::filesystem::file_size(path.string() + "-wal", failed);
  if (!failed && log > 0) {
    if (std::filesystem::exists(path.string() + "-shm")) return path.string();
    throw Error(
        "cannot be read where nothing may be written: gallery.db-wal holds changes that are "
        "not in it yet; copy the whole directory to where you may write");
  }
  std::string uri = "file:";
  for (const char c : path.string()) {
    char escaped[4];
    std::snprintf(escaped, sizeof escaped, "%%%02x",
                  static_cast<unsigned>(static_cast<unsigned char>(c)));
    uri += c == '%' || c == '?' || c == '#' ? escaped : std::string(1, c);
  }
  return uri + "?immutable=1";
}

// Reading: one read-only connection, which also serves a program beside the server.
class SqliteReader : public Store {
 public:
  explicit SqliteReader(const std::filesystem::path& path)
      : path_(path.string()),
        reader_(reader_uri(path), SQLite::OPEN_READONLY | SQLite::OPEN_NOFOLLOW | SQLite::OPEN_URI,
                kReaderPatienceMs) {
    reader_.exec("PRAGMA query_only = ON");
    reader_.exec("PRAGMA trusted_schema = OFF");
    const int version = reader_.execAndGet("PRAGMA user_version").getInt();
    if (version != kSchema)
      throw Error("schema " + std::to_string(version) + ", expected " + std::to_string(kSchema) +
                  ": made by " + (version < kSchema ? "an older" : "a newer") + " vernissage" +
                  (version < kSchema ? "; serving the gallery once brings it up to date" : ""));
  }

  void hang(const std::vector<Painting>&) override { refuse(); }
  ClaimResult claim(Claim&) override { refuse(); }
  void record_picture(const OwnerPicture&) override { refuse(); }
  void record_embeddings(const std::vector<Embedding>&) override { refuse(); }
  void record_fact(const std::string&, const std::string&) override { refuse(); }

  std::optional<std::string> fact(const std::string& name) const override {
    return reading([&]() -> std::optional<std::string> {
      SQLite::Statement query(reader_, "SELECT value FROM fact WHERE name = ?");
      query.bind(1, name);
      if (!query.executeStep()) return std::nullopt;
      return query.getColumn(0).getString();
    });
  }

  void check_sound() const override {
    const std::string verdict =
        reading([this] { return reader_.execAndGet("PRAGMA quick_check(1)").getString(); });
    if (verdict != "ok") throw Error(path_ + ": the database is damaged: " + verdict);
  }

  std::vector<Painting> paintings() const override {
    return reading([this] {
      SQLite::Statement query(reader_,
                              "SELECT id, room, position, title, candidate, query, score, rank, "
                              "rank_of, placeholder FROM painting ORDER BY room, position");
      std::vector<Painting> result;
      while (query.executeStep()) result.push_back(painting_of_row(query));
      return result;
    });
  }

  std::vector<Embedding> embeddings() const override {
    return reading([this] {
      SQLite::Statement query(reader_, "SELECT painting, vector FROM embedding ORDER BY painting");
      std::vector<Embedding> result;
      while (query.executeStep())
        result.push_back({query.getColumn(0).getString(), vector_of(query.getColumn(1))});
      return result;
    });
  }

  std::optional<Claim> claim_of(const Digest& visitor) const override {
    return reading([&] { return find_by_visitor(reader_, visitor); });
  }

  std::optional<Claim> owner_of(std::string_view painting) const override {
    return reading([&] { return find_by_painting(reader_, painting); });
  }

  std::vector<Claim> claims_since(int64_t number) const override {
    return reading([&] {
      SQLite::Statement query(reader_,
                              std::string(kClaimColumns) + "WHERE number > ? ORDER BY number");
      query.bind(1, number);
      std::vector<Claim> result;
      while (query.executeStep()) result.push_back(claim_of_row(query));
      return result;
    });
  }

  std::vector<OwnerPicture> pictures() const override {
    return reading([this] {
      SQLite::Statement query(reader_,
                              "SELECT picture.painting, sha256, certificate FROM picture "
                              "JOIN claim ON claim.painting = picture.painting ORDER BY number");
      std::vector<OwnerPicture> result;
      while (query.executeStep())
        result.push_back({query.getColumn(0).getString(), query.getColumn(1).getString(),
                          query.getColumn(2).getString()});
      return result;
    });
  }

  bool healthy() const override {
    try {
      return reading(
          [this] { return reader_.execAndGet("SELECT count(*) FROM painting").getInt() >= 0; });
    } catch (const Error&) {
      return false;
    }
  }

 protected:
  const std::string path_;

 private:
  [[noreturn]] void refuse() const { throw Error(path_ + ": is open for reading only"); }

  template <class Read>
  auto reading(const Read& read) const -> decltype(read()) {
    const std::lock_guard lock(reader_mutex_);
    try {
      return read();
    } catch (const SQLite::Exception& exception) {
      throw Error(path_ + ": " + exception.what());
    }
  }

  mutable std::mutex reader_mutex_;  // guards reader_
  mutable SQLite::Database reader_;
};

// The writer's connection and the lock that makes it the only one. Ready before any reader opens.
struct Writer {
  Writer(const std::filesystem::path& path, bool create)
      : alone(path.string()),
        database(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_NOFOLLOW |
                                    (create ? SQLite::OPEN_CREATE : 0)) {
    database.setBusyTimeout(kWriterPatienceMs);
    if (create) ::chmod(path.c_str(), S_IRUSR | S_IWUSR);
    // SQLite opens what may not be written as something to read.
    if (::sqlite3_db_readonly(database.getHandle(), "main") == 1)
      throw Error("cannot be written" + (::access(path.c_str(), W_OK) == 0
                                             ? std::string()
                                             : ": " + std::string(std::strerror(errno))));
    const std::string mode = database.execAndGet("PRAGMA journal_mode = WAL").getString();
    if (mode != "wal") throw Error("expected journal mode wal, got " + mode);
    database.exec("PRAGMA synchronous = FULL");
    database.exec("PRAGMA foreign_keys = ON");
    database.exec("PRAGMA trusted_schema = OFF");
    migrate();
    const std::string verdict = database.execAndGet("PRAGMA quick_check(1)").getString();
    if (verdict != "ok") throw Error("the database is damaged: " + verdict);
  }

  void migrate() {
    const int version = database.execAndGet("PRAGMA user_version").getInt();
    if (version > kSchema)
      throw Error("made by a newer vernissage: schema " + std::to_string(version) +
                  ", this one knows up to " + std::to_string(kSchema));
    for (int step = version; step < kSchema; ++step) {
      SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
      database.exec(kMigrations[static_cast<size_t>(step)]);
      database.exec("PRAGMA user_version = " + std::to_string(step + 1));
      transaction.commit();
    }
  }

  WriterLock alone;
  mutable SQLite::Database database;  // also asked whether it could write
};

// Makes the writer first, so that what the reader opens is there and up to date.
class SqliteStore : private Writer, public SqliteReader {
 public:
  SqliteStore(const std::filesystem::path& path, bool create)
      : Writer(path, create), SqliteReader(path), opened_(FileIdentity::of(path_)) {}

  void hang(const std::vector<Painting>& paintings) override {
    const Painting* current = nullptr;
    writing(
        [&] {
          SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
          SQLite::Statement insert(database,
                                   "INSERT INTO painting (id, room, position, title, candidate, "
                                   "query, score, rank, rank_of, placeholder) "
                                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
          for (const Painting& painting : paintings) {
            current = &painting;
            insert.bind(1, painting.id);
            insert.bind(2, painting.room);
            insert.bind(3, painting.position);
            insert.bind(4, painting.title);
            insert.bind(5, static_cast<int64_t>(painting.candidate));
            for (int column = 6; column <= 9; ++column) insert.bind(column);  // null
            if (painting.why) {
              insert.bind(6, painting.why->query);
              insert.bind(7, static_cast<double>(painting.why->score));
              insert.bind(8, painting.why->rank);
              insert.bind(9, painting.why->of);
            }
            insert.bind(10, painting.placeholder);
            insert.exec();
            insert.reset();
          }
          transaction.commit();
        },
        [&] {
          return current ? "painting " + current->id + " in room " + current->room + ", place " +
                               std::to_string(current->position) + ": "
                         : "";
        });
  }

  ClaimResult claim(Claim& claim) override {
    ClaimResult result{};
    writing([&] { result = claim_locked(claim); },
            [&] { return "claim of painting " + claim.painting + ": "; });
    return result;
  }

  uint64_t busy_total() const override { return busy_total_; }

  void record_fact(const std::string& name, const std::string& value) override {
    writing([&] { write_fact(name, value); }, [&] { return "fact " + name + ": "; });
  }

  // Asks for the writer's lock and gives it back, which costs no access to the disk. After a write
  // that failed only a write that succeeds is believed.
  bool healthy() const override {
    if (!SqliteReader::healthy() || FileIdentity::of(path_) != opened_ || !has_room()) return false;
    const std::unique_lock lock(writer_mutex_, std::try_to_lock);
    if (!lock) return !write_failed_;  // somebody is writing
    try {
      database.setBusyTimeout(0);
      SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
      if (write_failed_) {
        write_fact("probe", std::to_string(++probes_));
        transaction.commit();
        write_failed_ = false;
      }
      database.setBusyTimeout(kWriterPatienceMs);
      return true;
    } catch (const SQLite::Exception&) {
      database.setBusyTimeout(kWriterPatienceMs);
      return false;
    }
  }

  void record_embeddings(const std::vector<Embedding>& embeddings) override {
    const Embedding* current = nullptr;
    writing(
        [&] {
          SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
          SQLite::Statement insert(database,
                                   "INSERT INTO embedding (painting, vector) VALUES (?, ?)");
          for (const Embedding& embedding : embeddings) {
            current = &embedding;
            insert.bind(1, embedding.painting);
            insert.bind(2, embedding.vector.data(),
                        static_cast<int>(embedding.vector.size() * sizeof(float)));
            insert.exec();
            insert.reset();
          }
          transaction.commit();
        },
        [&] { return current ? "embedding of painting " + current->painting + ": " : ""; });
  }

  void record_picture(const OwnerPicture& picture) override {
    writing(
        [&] {
          SQLite::Statement insert(
              database,
              "INSERT INTO picture (painting, sha256, certificate) "
              "VALUES (?, ?, ?) ON CONFLICT (painting) DO UPDATE "
              "SET sha256 = excluded.sha256, certificate = excluded.certificate");
          insert.bind(1, picture.painting);
          insert.bind(2, picture.sha256);
          insert.bind(3, picture.certificate);
          insert.exec();
        },
        [&] { return "picture of painting " + picture.painting + ": "; });
  }

 private:
  // Inserts first; only a claim that a constraint refused is asked why.
  ClaimResult claim_locked(Claim& wanted) {
    try {
      SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
      Claim entry = next_entry(wanted);
      insert_entry(entry);
      transaction.commit();
      wanted = std::move(entry);
      return ClaimResult::won;
    } catch (const SQLite::Exception& exception) {
      if (!is_unique_violation(exception)) throw;
      if (auto own = find_by_visitor(database, wanted.visitor)) {
        const ClaimResult result =
            own->painting == wanted.painting ? ClaimResult::same : ClaimResult::already_own;
        wanted = std::move(*own);
        return result;
      }
      if (auto owned = find_by_painting(database, wanted.painting)) {
        wanted = std::move(*owned);
        return ClaimResult::taken;
      }
      throw;
    }
  }

  Claim next_entry(const Claim& wanted) {
    Claim claim = wanted;
    claim.number = 1;
    claim.previous = {};
    SQLite::Statement last(database, std::string(kClaimColumns) + "ORDER BY number DESC LIMIT 1");
    if (const auto head = first_claim(last)) {
      claim.number = head->number + 1;
      claim.previous = head->hash;
    }
    claim.hash = link(claim);
    return claim;
  }

  void insert_entry(const Claim& claim) {
    SQLite::Statement insert(database,
                             "INSERT INTO claim (number, painting, visitor, request, plaque, "
                             "time_ms, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    insert.bind(1, claim.number);
    insert.bind(2, claim.painting);
    bind_digest(insert, 3, claim.visitor);
    bind_digest(insert, 4, claim.request);
    insert.bind(5, claim.plaque);
    insert.bind(6, claim.time_ms);
    bind_digest(insert, 7, claim.previous);
    bind_digest(insert, 8, claim.hash);
    insert.exec();
  }

  void write_fact(const std::string& name, const std::string& value) const {
    SQLite::Statement insert(database,
                             "INSERT INTO fact (name, value) VALUES (?, ?) "
                             "ON CONFLICT (name) DO UPDATE SET value = excluded.value");
    insert.bind(1, name);
    insert.bind(2, value);
    insert.exec();
  }

  bool has_room() const {
    constexpr uint64_t kClaimBytes = 64 << 10;  // the pages of a claim in the log, many times over
    struct statvfs disk {};
    if (::statvfs(path_.c_str(), &disk) != 0) return true;  // no word is no bad word
    return (disk.f_flag & ST_RDONLY) == 0 && disk.f_bavail * disk.f_frsize >= kClaimBytes;
  }

  template <class Write, class Name>
  void writing(const Write& write, const Name& name) {
    const std::lock_guard lock(writer_mutex_);
    // What is written into a file that has lost its name is gone with the process.
    if (FileIdentity::of(path_) != opened_)
      throw StoreUnavailable(path_ + ": " + name() +
                             "the file under this name is not the one that is open: it was moved, "
                             "removed or replaced while the gallery is served");
    try {
      write();
    } catch (const SQLite::Exception& exception) {
      const std::string what = path_ + ": " + name() + exception.what();
      if (exception.getErrorCode() == SQLITE_BUSY) ++busy_total_;
      if (exception.getErrorCode() != SQLITE_BUSY && is_unavailable(exception))
        write_failed_ = true;
      if (is_unavailable(exception)) throw StoreUnavailable(what);
      throw Error(what);
    }
  }

  mutable std::mutex writer_mutex_;  // guards Writer::database
  std::atomic<uint64_t> busy_total_ = 0;
  mutable std::atomic<bool> write_failed_ = false;  // the last one, by the disk's fault
  mutable uint64_t probes_ = 0;
  const std::optional<FileIdentity> opened_;
};

template <class Make>
auto naming(const std::filesystem::path& path, const Make& make) -> decltype(make()) {
  try {
    return make();
  } catch (const SQLite::Exception& exception) {
    throw Error(path.string() + ": " + exception.what());
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
}

}  // namespace

std::unique_ptr<Store> open_sqlite_store(const std::filesystem::path& path, bool create) {
  const bool exists = std::filesystem::exists(path);
  if (create && exists) throw Error(path.string() + ": is already there");
  if (!create && !exists) throw Error(path.string() + ": is not there");
  return naming(path, [&]() -> std::unique_ptr<Store> {
    const auto real = real_path(path);
    if (!create) check_header(real);
    return std::make_unique<SqliteStore>(real, create);
  });
}

std::unique_ptr<Store> open_sqlite_reader(const std::filesystem::path& path) {
  return naming(path, [&]() -> std::unique_ptr<Store> {
    const auto real = real_path(path);
    if (!std::filesystem::exists(real)) throw Error("is not there");
    check_header(real);
    return std::make_unique<SqliteReader>(real);
  });
}

void backup_sqlite(const std::filesystem::path& path, const std::filesystem::path& out) {
  if (std::filesystem::exists(out)) throw Error(out.string() + ": is already there");
  naming(path, [&] {
    const auto real = real_path(path);
    check_header(real);
    SQLite::Database from(reader_uri(real),
                          SQLite::OPEN_READONLY | SQLite::OPEN_NOFOLLOW | SQLite::OPEN_URI,
                          kReaderPatienceMs);
    SQLite::Database to(out.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    ::chmod(out.c_str(), S_IRUSR | S_IWUSR);
    // In one step: one moment's content, however much is claimed meanwhile.
    SQLite::Backup backup(to, from);
    if (backup.executeStep(-1) != SQLITE_DONE) throw Error("cannot be copied while it is busy");
    to.exec("PRAGMA journal_mode = DELETE");  // one file, which a reader leaves as it is
    return 0;
  });
}

}  // namespace vernissage::gallery
