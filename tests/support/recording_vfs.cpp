#include "tests/support/recording_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "base/error.h"

namespace vernissage::testing {
namespace {

constexpr char kName[] = "recording";
constexpr size_t kSector = 512;

struct Record {
  std::mutex mutex;  // guards all
  std::vector<RecordingDisk::Step> steps;
  bool full = false;
};
Record record;

sqlite3_vfs* real() {
  static sqlite3_vfs* const found = sqlite3_vfs_find("unix");
  return found;
}

// SQLite allocates szOsFile bytes: ours in front, the real file behind.
struct File {
  sqlite3_file base;
  char name[64];
  bool recorded;  // shared memory is none of a disk's business
  sqlite3_file* below() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
File* of(sqlite3_file* file) {
  return reinterpret_cast<File*>(file);
}

void note(File* file, RecordingDisk::Step step) {
  if (!file->recorded) return;
  step.file = file->name;
  const std::lock_guard lock(record.mutex);
  record.steps.push_back(std::move(step));
}

bool is_full() {
  const std::lock_guard lock(record.mutex);
  return record.full;
}

std::string name_of(const char* path) {
  const std::string text(path);
  return text.substr(text.rfind('/') + 1);
}

// A short name for the methods below, each of which passes its call on.
template <class Call>
int pass(sqlite3_file* file, const Call& call) {
  sqlite3_file* below = of(file)->below();
  return call(below->pMethods, below);
}

int close(sqlite3_file* f) {
  return pass(f, [](auto* m, auto* below) { return m->xClose(below); });
}
int read(sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
  return pass(f, [=](auto* m, auto* below) { return m->xRead(below, to, size, at); });
}
int write(sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
  if (is_full()) return SQLITE_FULL;
  const int result =
      pass(f, [=](auto* m, auto* below) { return m->xWrite(below, from, size, at); });
  if (result == SQLITE_OK)
    note(of(f), {RecordingDisk::Step::Kind::write, "", at,
                 std::string(static_cast<const char*>(from), static_cast<size_t>(size))});
  return result;
}
int truncate(sqlite3_file* f, sqlite3_int64 size) {
  const int result = pass(f, [=](auto* m, auto* below) { return m->xTruncate(below, size); });
  if (result == SQLITE_OK) note(of(f), {RecordingDisk::Step::Kind::truncate, "", size, ""});
  return result;
}
int sync(sqlite3_file* f, int) {
  // The real disk need not be asked: its power is not cut.
  note(of(f), {RecordingDisk::Step::Kind::sync, "", 0, ""});
  return SQLITE_OK;
}
int file_size(sqlite3_file* f, sqlite3_int64* size) {
  return pass(f, [=](auto* m, auto* below) { return m->xFileSize(below, size); });
}
int lock(sqlite3_file* f, int level) {
  return pass(f, [=](auto* m, auto* below) { return m->xLock(below, level); });
}
int unlock(sqlite3_file* f, int level) {
  return pass(f, [=](auto* m, auto* below) { return m->xUnlock(below, level); });
}
int check_reserved_lock(sqlite3_file* f, int* held) {
  return pass(f, [=](auto* m, auto* below) { return m->xCheckReservedLock(below, held); });
}
int file_control(sqlite3_file* f, int what, void* argument) {
  return pass(f, [=](auto* m, auto* below) { return m->xFileControl(below, what, argument); });
}
int sector_size(sqlite3_file*) {
  return static_cast<int>(kSector);
}
// Nothing is promised but that a write leaves the sectors beside it alone.
int device_characteristics(sqlite3_file*) {
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}
int shm_map(sqlite3_file* f, int region, int size, int extend, void volatile** memory) {
  return pass(
      f, [=](auto* m, auto* below) { return m->xShmMap(below, region, size, extend, memory); });
}
int shm_lock(sqlite3_file* f, int offset, int count, int flags) {
  return pass(f, [=](auto* m, auto* below) { return m->xShmLock(below, offset, count, flags); });
}
void shm_barrier(sqlite3_file* f) {
  pass(f, [](auto* m, auto* below) {
    m->xShmBarrier(below);
    return 0;
  });
}
int shm_unmap(sqlite3_file* f, int remove) {
  return pass(f, [=](auto* m, auto* below) { return m->xShmUnmap(below, remove); });
}

const sqlite3_io_methods kMethods = {2,
                                     close,
                                     read,
                                     write,
                                     truncate,
                                     sync,
                                     file_size,
                                     lock,
                                     unlock,
                                     check_reserved_lock,
                                     file_control,
                                     sector_size,
                                     device_characteristics,
                                     shm_map,
                                     shm_lock,
                                     shm_barrier,
                                     shm_unmap,
                                     nullptr,
                                     nullptr};

int open(sqlite3_vfs*, const char* path, sqlite3_file* f, int flags, int* flags_out) {
  File* file = of(f);
  std::memset(file, 0, sizeof *file);
  const int result = real()->xOpen(real(), path, file->below(), flags, flags_out);
  if (result != SQLITE_OK) return result;
  file->base.pMethods = &kMethods;
  file->recorded = path && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL));
  if (path) std::strncpy(file->name, name_of(path).c_str(), sizeof file->name - 1);
  return result;
}

int remove(sqlite3_vfs*, const char* path, int sync_directory) {
  const int result = real()->xDelete(real(), path, sync_directory);
  if (result == SQLITE_OK) {
    const std::lock_guard guard(record.mutex);
    record.steps.push_back({RecordingDisk::Step::Kind::remove, name_of(path), 0, ""});
  }
  return result;
}

sqlite3_vfs vfs;

std::string& content(Files& files, const std::string& name) {
  return files[name];
}

void put(std::string& file, int64_t offset, std::string_view bytes) {
  const auto end = static_cast<size_t>(offset) + bytes.size();
  if (file.size() < end) file.resize(end);
  std::copy(bytes.begin(), bytes.end(), file.begin() + offset);
}

}  // namespace

RecordingDisk::RecordingDisk() {
  record.steps.clear();
  record.full = false;
  vfs = *real();  // what is not replaced below works on paths and clocks, and needs no file
  vfs.zName = kName;
  vfs.pNext = nullptr;
  vfs.szOsFile = static_cast<int>(sizeof(File)) + real()->szOsFile;
  vfs.xOpen = open;
  vfs.xDelete = remove;
  VERNISSAGE_ASSERT_OP(sqlite3_vfs_register(&vfs, /*makeDflt=*/1), ==, SQLITE_OK);
}

RecordingDisk::~RecordingDisk() {
  sqlite3_vfs_unregister(&vfs);
  sqlite3_vfs_register(real(), /*makeDflt=*/1);
}

size_t RecordingDisk::count() const {
  const std::lock_guard guard(record.mutex);
  return record.steps.size();
}

std::vector<RecordingDisk::Step> RecordingDisk::steps() const {
  const std::lock_guard guard(record.mutex);
  return record.steps;
}

void RecordingDisk::set_full(bool full) {
  const std::lock_guard guard(record.mutex);
  record.full = full;
}

void ReplayedDisk::apply(Files& files, const RecordingDisk::Step& step) {
  using Kind = RecordingDisk::Step::Kind;
  if (step.kind == Kind::write) put(content(files, step.file), step.offset, step.bytes);
  if (step.kind == Kind::truncate)
    content(files, step.file).resize(static_cast<size_t>(step.offset));
  if (step.kind == Kind::remove) files.erase(step.file);
}

void ReplayedDisk::feed(const RecordingDisk::Step& step) {
  auto& pending = pending_[step.file];
  if (step.kind != RecordingDisk::Step::Kind::sync) {
    pending.push_back(step);
    return;
  }
  content(durable_, step.file);  // synced when empty: there all the same
  for (const auto& done : pending) apply(durable_, done);
  pending.clear();
}

Files ReplayedDisk::power_cut(std::mt19937& random, double kept) const {
  using Kind = RecordingDisk::Step::Kind;
  std::bernoulli_distribution keep(kept);
  Files files = durable_;
  for (const auto& [name, pending] : pending_)
    for (const auto& step : pending) {
      if (step.kind != Kind::write) {
        if (keep(random)) apply(files, step);
        continue;
      }
      const std::string_view bytes = step.bytes;
      for (size_t begin = 0; begin < bytes.size();) {
        const size_t at = static_cast<size_t>(step.offset) + begin;
        const size_t size = std::min(bytes.size() - begin, kSector - at % kSector);
        if (keep(random))
          put(content(files, name), static_cast<int64_t>(at), bytes.substr(begin, size));
        begin += size;
      }
    }
  return files;
}

}  // namespace vernissage::testing
