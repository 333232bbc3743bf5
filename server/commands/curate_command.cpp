#include "server/commands/curate_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ranges.h"
#include "server/curation/curate.h"
#include "server/images/images.h"

namespace vernissage {
namespace {

struct Given {
  curation::CurateOptions options;
  std::filesystem::path rooms, out, write_rooms, new_key, json;
  std::string name, shard;
  std::vector<std::filesystem::path> merge;
};

void write_text(const std::filesystem::path& path, std::string_view text) {
  write_file_atomically(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

void require(bool is_given, const char* option, const char* why) {
  if (!is_given) throw Error(std::string(option) + " is needed" + why);
}

void report_outcome(const Given& given, const curation::CurateSummary& summary,
                    const std::string& made) {
  for (const std::string& line : summary.lines()) std::printf("%s\n", line.c_str());
  for (const std::string& room : summary.missing) std::printf("missing in %s\n", room.c_str());
  std::printf("%s\n", made.c_str());
  if (!given.json.empty()) write_text(given.json, summary.json());
}

void run(Given& given) {
  if (!given.write_rooms.empty()) {
    if (std::filesystem::exists(given.write_rooms))
      throw Error(given.write_rooms.string() + ": is already there");
    write_text(given.write_rooms, curation::default_rooms_text());
    std::printf("%s: the default rooms\n", given.write_rooms.c_str());
    return;
  }
  if (!given.new_key.empty()) {
    gallery::GalleryKey::create(given.new_key);
    std::printf("%s: a new gallery key; keep it secret, and give it to every shard\n",
                given.new_key.c_str());
    return;
  }
  curation::CurateOptions& options = given.options;
  require(!options.networks.generator.empty(), "--generator", "");
  require(!options.networks.curator.empty(), "--curator", "");
  require(!given.out.empty(), "--out", "");
  require(options.candidates > 0, "--candidates", "");
  options.rooms = given.rooms.empty()
                      ? curation::read_rooms(curation::default_rooms_text(), "default rooms")
                      : curation::load_rooms(given.rooms);
  if (!given.name.empty()) options.rooms.name = given.name;

  curation::CurateSummary summary;
  const std::string out = given.out.string();
  if (!given.shard.empty()) {
    require(!options.key.empty(), "--key",
            " with --shard: all shards share one; make it with --new-key FILE");
    curation::embed_shard(options, curation::read_shard(given.shard), given.out, summary);
    return report_outcome(given, summary,
                          out + ": shard " + given.shard + " of " +
                              std::to_string(options.candidates) + " candidates");
  }
  if (given.merge.empty()) {
    curation::curate(options, given.out, summary);
  } else {
    require(!options.key.empty(), "--key", " with --merge: the one that the shards were made with");
    curation::hang_curated(options, given.merge, given.out, summary);
  }
  report_outcome(given, summary,
                 out + ": " + std::to_string(summary.paintings) + " paintings, " +
                     std::to_string(summary.refused) +
                     " near-duplicates refused; how they were chosen: " + out + "/curation.html");
}

}  // namespace

void add_curate_command(CLI::App& app) {
  auto given = std::make_shared<Given>();
  curation::CurateOptions& options = given->options;
  CLI::App* command = app.add_subcommand(
      "curate", "Make a gallery of the paintings that fit words best, out of a great many");
  command->footer(
      "Interrupted, the same command goes on where it was (the work lies in OUT.curating).\n"
      "On several machines:\n"
      "  vernissage curate --new-key gallery.key\n"
      "  vernissage curate … --key gallery.key --shard 1/2 --out 1.part     (and 2/2, elsewhere)\n"
      "  vernissage curate … --key gallery.key --merge 1.part 2.part --out GALLERY\n"
      "Partial results hold no words: another --rooms can be hung from the same ones.");
  command->add_option("--generator", options.networks.generator,
                      "the network that paints: our safetensors");
  command->add_option("--curator", options.networks.curator,
                      "the network that chooses: our safetensors (CLIP)");
  command->add_option("--rooms", given->rooms,
                      "rooms.toml (default: four rooms; see --write-rooms)");
  command->add_option("--candidates", options.candidates, "how many are painted to choose from")
      ->check(from_to(uint64_t{1}, uint64_t{1} << 40));
  command->add_option("--out", given->out,
                      "the gallery's directory, which must not exist; with --shard a file");
  command->add_option("--name", given->name,
                      "the gallery's name (default: that of the rooms file)");
  command
      ->add_option("--trunc", options.networks.truncation,
                   "truncation psi: 0 the average picture, 1 the whole variety")
      ->check(from_to(0.0, 1.0))
      ->capture_default_str();
  command
      ->add_option("--duplicate-cosine", options.duplicate_cosine,
                   "refuse a candidate this close to a painting that hangs; 2: refuse none")
      ->check(from_to(0.0, 2.0))
      ->capture_default_str();
  command->add_flag("--allow-fewer", options.allow_fewer,
                    "hang what there is when a room cannot be filled");
  command
      ->add_option("--device", options.networks.device,
                   "auto: CUDA when there is one, else the CPU")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str();
  command
      ->add_option("--precision", options.networks.precision,
                   "storage of activations of both networks; f16 on CUDA only")
      ->check(CLI::IsMember({"f32", "f16"}))
      ->capture_default_str();
  command
      ->add_option("--threads", options.networks.threads,
                   "threads of the CPU, for both networks (default: all cores)")
      ->check(from_to(1, 1024));
  command
      ->add_option("--batch", options.networks.batch,
                   "candidates at once (default: by device and resolution)")
      ->check(from_to(1, 1024));
  command->add_option("--key", options.key, "the gallery's key (default: a new one)");
  command->add_option("--json", given->json,
                      "write what was done and how long it took to this file");
  auto* shard = command->add_option("--shard", given->shard,
                                    "i/N: embed the i-th of N parts into the file --out");
  command->add_option("--merge", given->merge, "hang the gallery from all shards' files")
      ->excludes(shard);
  command->add_option("--new-key", given->new_key,
                      "write a new gallery key to this file, and nothing else");
  command->add_option("--write-rooms", given->write_rooms,
                      "write the default rooms to this file, and nothing else");
  command->callback([given] { run(*given); });
}

}  // namespace vernissage
