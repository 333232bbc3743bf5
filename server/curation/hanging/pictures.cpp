#include "server/curation/hanging/pictures.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <future>
#include <set>
#include <span>

#include "base/base64.h"
#include "base/error.h"
#include "server/images/thumbhash.h"
#include "server/render/picture_cache.h"
#include "server/render/previews.h"

namespace vernissage::curation {
namespace {

constexpr int kThumbnailSide = 192;    // at most
constexpr int kPlaceholderSide = 100;  // what ThumbHash takes at most

// Not waited for one by one: a file that a power cut shortens does not have the hash that its name
// says, and is painted anew.
void write_plainly(const std::filesystem::path& path, std::span<const uint8_t> bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) throw Error(path.string() + ": cannot be written: " + std::strerror(errno));
}

int thumbnail_side(const std::vector<int>& ladder) {
  int side = ladder.front();
  for (const int width : ladder)
    if (width <= kThumbnailSide) side = std::max(side, width);
  return side;
}

std::vector<uint8_t> thumbnail(const Image& picture, int side) {
  return render::encode_preview(picture, {side, render::PreviewFormat::webp});
}

void write_previews(const Image& picture, const std::string& id, const std::vector<int>& ladder,
                    const std::filesystem::path& previews) {
  std::filesystem::create_directory(previews / id);
  for (const int width : ladder)
    for (const render::PreviewFormat format :
         {render::PreviewFormat::webp, render::PreviewFormat::jpg}) {
      const render::PreviewName name{width, format};
      const std::vector<uint8_t> bytes = render::encode_preview(picture, name);
      write_plainly(render::cached_file(previews, id + "/" + render::file_name(name), bytes),
                    bytes);
    }
}

std::string placeholder(const Image& picture) {
  const int side = std::min(kPlaceholderSide, picture.width);
  return gallery::base64(thumbhash(resize_area(picture, side, side)));
}

}  // namespace

Thumbnails make_pictures(const CurationNetworks& networks,
                         std::vector<gallery::Painting>& paintings,
                         const std::vector<uint64_t>& wanted, const std::vector<int>& ladder,
                         const std::filesystem::path& previews,
                         const std::function<void(int)>& done) {
  const int side = thumbnail_side(ladder);
  Thumbnails thumbnails;
  for (const uint64_t candidate : wanted) thumbnails[candidate];  // made now: threads fill them in

  struct Work {
    uint64_t candidate;
    gallery::Painting* painting;  // null: only for the report
  };
  std::vector<Work> all;
  std::set<uint64_t> hung;
  for (gallery::Painting& painting : paintings) {
    all.push_back({painting.candidate, &painting});
    hung.insert(painting.candidate);
  }
  for (const auto& [candidate, bytes] : thumbnails)
    if (!hung.contains(candidate)) all.push_back({candidate, nullptr});

  const auto finish = [&](const Work& work, const Image& picture) {
    if (work.painting) {
      write_previews(picture, work.painting->id, ladder, previews);
      work.painting->placeholder = placeholder(picture);
    }
    const auto found = thumbnails.find(work.candidate);
    if (found != thumbnails.end()) found->second = thumbnail(picture, side);
  };
  std::vector<std::future<void>> under_way;
  int hanging = 0;  // of those under way
  const auto wait_for_all = [&] {
    for (std::future<void>& each : under_way) each.get();
    done(hanging);
    under_way.clear();
    hanging = 0;
  };
  const auto batch = static_cast<size_t>(networks.paint_batch);
  for (size_t first = 0; first < all.size(); first += batch) {
    const std::span<const Work> works =
        std::span(all).subspan(first, std::min(batch, all.size() - first));
    std::vector<uint64_t> candidates;
    for (const Work& work : works) candidates.push_back(work.candidate);
    // A painter on the CPU wants every core, and waits for its slowest thread all the time.
    if (!networks.on_device) wait_for_all();
    std::vector<Image> pictures = networks.paint(candidates);
    if (networks.on_device) wait_for_all();
    for (size_t i = 0; i < works.size(); ++i) {
      hanging += works[i].painting ? 1 : 0;
      under_way.push_back(std::async(
          std::launch::async,
          [&finish, work = works[i], picture = std::move(pictures[i])] { finish(work, picture); }));
    }
  }
  wait_for_all();
  return thumbnails;
}

}  // namespace vernissage::curation
