#include "server/curation/curate.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>

#include "base/digest.h"
#include "base/error.h"
#include "base/new_directory.h"
#include "server/curation/fill.h"
#include "server/curation/hanging/pictures.h"
#include "server/curation/hanging/report.h"
#include "server/curation/hanging/wall.h"
#include "server/curation/selection.h"
#include "server/gallery/gallery.h"
#include "server/gallery/own_files.h"

namespace vernissage::curation {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

PartialHeader header_for(const CurateOptions& options, const gallery::GalleryKey& key, Shard shard,
                         int width) {
  return {gallery::hex(key.derived("fingerprint")),
          gallery::hex(gallery::sha256_of_file(options.networks.generator)),
          gallery::hex(gallery::sha256_of_file(options.networks.curator)),
          options.networks.truncation,
          options.candidates,
          width,
          shard};
}

std::vector<int> all_quotas(const RoomsPlan& plan) {
  std::vector<int> all;
  for (const RoomPlan& room : plan.rooms)
    for (const int quota : quotas(room)) all.push_back(quota);
  return all;
}

void expect_enough_candidates(const CurateOptions& options) {
  const auto wanted = static_cast<uint64_t>(options.rooms.paintings());
  if (options.candidates < wanted && !options.allow_fewer)
    throw Error("the rooms take " + std::to_string(wanted) + " paintings, and there are " +
                std::to_string(options.candidates) + " candidates to choose from");
}

// The shards of one whole, in their order. Throws Error.
std::vector<Partial> open_partials(const std::vector<fs::path>& paths,
                                   const PartialHeader& expected) {
  std::map<int, Partial> by_number;
  for (const fs::path& path : paths) {
    Partial partial(path);
    if (const auto other = difference(partial.header(), path.string(), expected, "this command"))
      throw Error(*other);
    const Shard shard = partial.header().shard;
    if (!by_number.empty() && by_number.begin()->second.header().shard.of != shard.of)
      throw Error("shards: one of " + std::to_string(by_number.begin()->second.header().shard.of) +
                  " in " + by_number.begin()->second.path().string() + ", one of " +
                  std::to_string(shard.of) + " in " + path.string());
    if (!partial.is_complete())
      throw Error(path.string() + ": has " + std::to_string(partial.count()) + " of " +
                  std::to_string(partial.header().count()) +
                  " candidates; run its shard again, it goes on from there");
    const auto [place, is_new] = by_number.emplace(shard.number, std::move(partial));
    if (!is_new)
      throw Error("shard " + std::to_string(shard.number) + "/" + std::to_string(shard.of) +
                  " is there twice: " + place->second.path().string() + ", " + path.string());
  }
  VERNISSAGE_ASSERT(!by_number.empty());
  std::vector<Partial> partials;
  const int of = by_number.begin()->second.header().shard.of;
  std::string missing;
  for (int number = 1; number <= of; ++number) {
    const auto found = by_number.find(number);
    if (found == by_number.end())
      missing.append(missing.empty() ? "" : ", ").append(std::to_string(number));
    else
      partials.push_back(std::move(found->second));
  }
  if (!missing.empty())
    throw Error("of " + std::to_string(of) + " shards these are missing: " + missing);
  return partials;
}

Pool pool_of(const std::vector<Partial>& partials) {
  const PartialHeader& any = partials.front().header();
  // Where each shard begins; some may be empty.
  std::map<uint64_t, const Partial*> by_first;
  for (const Partial& partial : partials)
    if (partial.count() > 0) by_first[partial.header().first()] = &partial;
  return {any.candidates, any.embedding, [by_first](uint64_t candidate) {
            const auto& [first, partial] = *std::prev(by_first.upper_bound(candidate));
            return partial->embedding(candidate - first);
          }};
}

// "people: 12 of 1000"
std::vector<std::string> missing_by_room(const Selection& selection, const RoomsPlan& plan) {
  std::vector<std::string> lines;
  size_t query = 0;
  for (const RoomPlan& room : plan.rooms) {
    int missing = 0;
    for (size_t i = 0; i < room.queries.size(); ++i) missing += selection.missing[query++];
    if (missing > 0)
      lines.push_back(room.slug + ": " + std::to_string(missing) + " of " +
                      std::to_string(room.paintings));
  }
  return lines;
}

Selection choose(const CurateOptions& options, const Pool& pool, const std::vector<float>& texts,
                 CurateSummary& summary) {
  const auto start = Clock::now();
  Selection selection = select(pool, texts, all_quotas(options.rooms), options.duplicate_cosine);
  summary.choosing = seconds_since(start);
  summary.paintings = static_cast<int>(selection.chosen.size());
  summary.refused = selection.refused.size();
  summary.missing = missing_by_room(selection, options.rooms);
  if (summary.missing.empty() || (options.allow_fewer && summary.paintings > 0)) return selection;
  std::string what;
  for (const std::string& room : summary.missing)
    what.append(what.empty() ? "" : "; ").append(room);
  throw Error("paintings missing (" + what + "): " + std::to_string(summary.refused) + " of " +
              std::to_string(options.candidates) +
              " candidates were refused as near-duplicates; paint more (--candidates), refuse less "
              "(--duplicate-cosine) or hang fewer (--allow-fewer)");
}

// For the operator's eyes: paintings' ranks are no secret, but nobody else needs them all at once.
void write_private(const fs::path& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  size_t done = 0;
  while (file >= 0 && done < text.size()) {
    const ssize_t now = ::write(file, text.data() + done, text.size() - done);
    if (now < 0 && errno == EINTR) continue;
    if (now <= 0) break;
    done += static_cast<size_t>(now);
  }
  const std::string why = std::strerror(errno);
  const bool synced = file >= 0 && done == text.size() && ::fsync(file) == 0;
  if (file >= 0) ::close(file);
  if (!synced) throw Error(path.string() + ": cannot be written: " + why);
}

gallery::GalleryConfig config_for(const CurateOptions& options, const CurationNetworks& networks) {
  gallery::GalleryConfig config;
  config.name = options.rooms.name;
  config.generator = "generator.safetensors";
  config.truncation = options.networks.truncation;
  config.curated = true;
  config.resolution = networks.resolution;
  config.untrained = networks.untrained;
  describe_rooms(options.rooms, config);
  return config;
}

std::vector<gallery::Embedding> embeddings_of(const std::vector<gallery::Painting>& paintings,
                                              const Pool& pool) {
  std::vector<gallery::Embedding> embeddings;
  for (const gallery::Painting& painting : paintings) {
    const std::span<const float> values = pool.embedding(painting.candidate);
    embeddings.push_back({painting.id, {values.begin(), values.end()}});
  }
  return embeddings;
}

void hang(const CurateOptions& options, const gallery::GalleryKey& key,
          const CurationNetworks& networks, const std::vector<float>& texts,
          const PartialHeader& expected, const std::vector<fs::path>& paths, const fs::path& out,
          CurateSummary& summary) {
  const std::vector<Partial> partials = open_partials(paths, expected);
  const Pool pool = pool_of(partials);
  const Selection selection = choose(options, pool, texts, summary);
  std::vector<gallery::Painting> paintings =
      hang_walls(selection, options.rooms, options.candidates, key);

  gallery::NewDirectory made(out);
  const fs::path& directory = made.path();
  const gallery::GalleryConfig config = config_for(options, networks);
  fs::create_directory(directory / "previews");
  const std::vector<uint64_t> wanted = report_candidates(selection, options.rooms.queries());
  auto start = Clock::now();
  Progress progress(static_cast<int64_t>(paintings.size()), "paintings hung", options.progress);
  const Thumbnails thumbnails =
      make_pictures(networks, paintings, wanted, gallery::ladder_below(networks.resolution),
                    directory / "previews", [&progress](int count) { progress.advance(count); });
  progress.finish();
  summary.pictures = seconds_since(start);

  start = Clock::now();
  gallery::copy_to_disk(options.networks.generator, directory / config.generator);
  gallery::copy_to_disk(options.key, directory / "gallery.key");
  {
    // Closed at the end of the block: its log is then folded into the one file.
    const auto store = gallery::open_sqlite_store(directory / "gallery.db", /*create=*/true);
    store->hang(paintings);
    store->record_embeddings(embeddings_of(paintings, pool));
    gallery::record_own_files(*store, key, directory / config.generator);
  }
  gallery::save_config(directory / "gallery.toml", config);
  write_private(directory / "curation.json",
                manifest({expected.key, expected.generator, expected.curator, expected.truncation,
                          options.duplicate_cosine, options.candidates},
                         selection, options.rooms, paintings, key));
  summary.writing = seconds_since(start);
  write_private(directory / "curation.html",
                report({options.rooms.name, networks.description, options.candidates,
                        options.duplicate_cosine, summary.lines()},
                       selection, options.rooms, thumbnails));
  made.move_into_place();
}

void embed(const CurateOptions& options, const CurationNetworks& networks,
           const std::vector<float>& texts, const PartialHeader& header, const fs::path& path,
           CurateSummary& summary) {
  RoomFill fill(options.rooms, texts);
  PartialWriter partial(path, header);
  const uint64_t before = partial.count();
  if (before == header.count()) return;
  if (before > 0) {
    const Partial kept(path);
    for (uint64_t i = 0; i < before; ++i) fill.add(kept.embedding(i));
    options.progress.write("going on after " + std::to_string(before) + " candidates\n");
  }
  Progress progress(static_cast<int64_t>(header.count() - before), "candidates", options.progress);
  summary.times =
      embed_candidates(networks.stages, partial, header, [&](std::span<const float> embeddings) {
        fill.add(embeddings);
        progress.set_note(fill.text());
        progress.advance(std::ssize(embeddings) / networks.width);
      });
  progress.finish();
  summary.embedded = partial.count() - before;
}

std::string share(const char* name, double seconds, double total) {
  char text[80];
  std::snprintf(text, sizeof text, "%s %.*f %%", name, seconds < 0.1 * total ? 1 : 0,
                100 * seconds / total);
  return text;
}

}  // namespace

void embed_shard(const CurateOptions& options, Shard shard, const fs::path& partial,
                 CurateSummary& summary) {
  expect_enough_candidates(options);
  const auto key = gallery::GalleryKey::load(options.key);
  const auto networks = options.open(options.networks, key);
  embed(options, *networks, embed_queries(options.rooms, networks->embed_texts),
        header_for(options, key, shard, networks->width), partial, summary);
}

void hang_curated(const CurateOptions& options, const std::vector<fs::path>& partials,
                  const fs::path& out, CurateSummary& summary) {
  expect_enough_candidates(options);
  const auto key = gallery::GalleryKey::load(options.key);
  const auto networks = options.open(options.networks, key);
  hang(options, key, *networks, embed_queries(options.rooms, networks->embed_texts),
       header_for(options, key, {}, networks->width), partials, out, summary);
}

void curate(CurateOptions options, const fs::path& out, CurateSummary& summary) {
  expect_enough_candidates(options);
  { const gallery::NewDirectory can_be_made(out); }  // or all the work would be for nothing
  const fs::path plain = out.has_filename() ? out : out.parent_path();
  const fs::path work = plain.string() + ".curating";
  std::error_code failed;
  fs::create_directory(work, failed);
  if (failed) throw Error(work.string() + ": cannot be made: " + failed.message());
  fs::permissions(work, fs::perms::owner_all);
  if (options.key.empty()) {
    options.key = work / "gallery.key";
    if (!fs::exists(options.key)) gallery::GalleryKey::create(options.key);
  }
  const auto key = gallery::GalleryKey::load(options.key);
  const auto networks = options.open(options.networks, key);
  const fs::path partial = work / "candidates.part";
  // Once for both: the queries' embeddings, and the hashes of the networks' files.
  const std::vector<float> texts = embed_queries(options.rooms, networks->embed_texts);
  const PartialHeader header = header_for(options, key, {}, networks->width);
  embed(options, *networks, texts, header, partial, summary);
  hang(options, key, *networks, texts, header, {partial}, out, summary);
  fs::remove_all(work, failed);  // the gallery is there; what is left over does not harm it
}

std::vector<std::string> CurateSummary::lines() const {
  std::vector<std::string> result;
  if (embedded > 0 && times.total > 0) {
    char rate[80];
    std::snprintf(rate, sizeof rate,
                  "%llu candidates, %.3g/s: ", static_cast<unsigned long long>(embedded),
                  static_cast<double>(embedded) / times.total);
    result.push_back(rate + share("painting", times.paint, times.total) + ", " +
                     share("looking", times.embed, times.total) + ", " +
                     share("keeping", times.keep, times.total) + " (" +
                     share("checkpoints", times.checkpoints, times.total) +
                     ") of the time; painting and looking overlap");
  }
  if (paintings > 0) {
    result.push_back(std::to_string(paintings) + " paintings: chosen in " +
                     duration_text(choosing) + ", pictures in " + duration_text(pictures) +
                     ", written in " + duration_text(writing));
  }
  return result;
}

std::string CurateSummary::json() const {
  std::string text = "{";
  const auto add = [&text](const char* name, const std::string& value) {
    text.append(text.size() > 1 ? ", " : "").append("\"").append(name).append("\": ").append(value);
  };
  add("candidates", std::to_string(embedded));
  add("candidates_per_s",
      number_text(times.total > 0 ? static_cast<double>(embedded) / times.total : 0));
  add("seconds", number_text(times.total));
  add("painting_s", number_text(times.paint));
  add("looking_s", number_text(times.embed));
  add("keeping_s", number_text(times.keep));
  add("checkpoints_s", number_text(times.checkpoints));
  add("paintings", std::to_string(paintings));
  add("refused", std::to_string(refused));
  add("choosing_s", number_text(choosing));
  add("pictures_s", number_text(pictures));
  add("writing_s", number_text(writing));
  return text + "}\n";
}

}  // namespace vernissage::curation
