#include "server/web/page_parts.h"

#include <algorithm>
#include <array>

#include "engine/error.h"
#include "server/gallery/claims.h"

namespace vernissage::web {
namespace {

using gallery::Gallery;
using gallery::Painting;
using gallery::Room;

std::string srcset(const Gallery& gallery, const Painting& painting, std::string_view extension) {
  std::string out;
  for (const int width : gallery.ladder())
    out += (out.empty() ? "" : ", ") + preview_url(painting.id, width, extension) + " " +
           std::to_string(width) + "w";
  return out;
}

Html nav_item(const Site& site, const std::string& url, const std::string& title, bool here) {
  return site.fill("nav_item.html", Values()
                                        .text("url", url)
                                        .text("title", title)
                                        .html("current", {here ? " aria-current=\"page\"" : ""}));
}

Html navigation(const Site& site, const Gallery& gallery, const Place& place) {
  Html out;
  for (const Room& room : gallery.config().rooms)
    out.text += nav_item(site, room_url(room.slug), room.title, &room == place.room).text;
  out.text += nav_item(site, kStudioUrl, "The studio", place.url == kStudioUrl).text;
  out.text += nav_item(site, kMineUrl, "Yours", place.url == kMineUrl).text;
  return out;
}

// What an honest label on the wall would say.
Html notes(const Gallery& gallery) {
  Html out;
  if (!gallery.config().curated)
    out.text +=
        "<p><strong>Uncurated.</strong> Nobody has chosen these works yet: they hang as the "
        "network painted them, sorted into rooms by chance.</p>";
  if (gallery.config().untrained)
    out.text +=
        "<p><strong>Painted by an untrained network.</strong> Its weights are random: it has never "
        "seen a picture, so these are patterns, not subjects.</p>";
  return out;
}

}  // namespace

std::string wall_class(const Room* room) {
  constexpr std::array kPainted = {"people", "nature", "city", "mood"};
  if (room && std::find(kPainted.begin(), kPainted.end(), room->slug) != kPainted.end())
    return "wall-" + room->slug;
  return "wall-plain";
}

std::string page(const Site& site, const Gallery& gallery, const std::string& title,
                 const Place& place, const std::string& body_class, const Html& main) {
  const std::string& name = gallery.config().name;
  return site
      .fill("page.html", Values()
                             .text("title", title.empty() ? name : title + " · " + name)
                             .text("name", name)
                             .text("css", site.asset_url("gallery.css"))
                             .text("js", site.asset_url("gallery.js"))
                             .text("live", site.asset_url("live.js"))
                             .text("class", wall_class(place.room) + " " + body_class)
                             .html("navigation", navigation(site, gallery, place))
                             .html("notes", notes(gallery))
                             .html("main", main))
      .text;
}

Html picture(const Site& site, const Gallery& gallery, const Painting& painting,
             const std::string& sizes, const std::string& loading, const std::string& alt) {
  // The second step of the ladder is for browsers that know neither WebP nor srcset.
  const auto& ladder = gallery.ladder();
  const int width = ladder[std::min<size_t>(1, ladder.size() - 1)];
  return site.fill("picture.html", Values()
                                       .text("webp_srcset", srcset(gallery, painting, "webp"))
                                       .text("jpg_srcset", srcset(gallery, painting, "jpg"))
                                       .text("src", preview_url(painting.id, width, "jpg"))
                                       .text("sizes", sizes)
                                       .text("loading", loading)
                                       .number("side", ladder.back())
                                       .text("alt", alt));
}

Html work(const Site& site, const Gallery& gallery, const Painting& painting,
          const std::string& loading) {
  const bool taken = gallery.claims().of_painting(painting.id).has_value();
  const Html state = taken ? site.fill("state.html", Values().text("word", "Taken")) : Html{};
  return site.fill(
      "work.html",
      Values()
          .html("class", {taken ? " taken" : ""})
          .text("id", painting.id)
          .number("place", place_of(gallery, painting))
          .text("url", painting_url(painting.id))
          .text("title", painting.title)
          .html("state", state)
          .html("picture", picture(site, gallery, painting,
                                   "(min-width: 60rem) 18rem, (min-width: 36rem) 40vw, 80vw",
                                   loading, alt_text(painting, room_of(gallery, painting)))));
}

Html large_picture(const Site& site, const Gallery& gallery, const Painting& painting) {
  return picture(site, gallery, painting, "(min-width: 40rem) 32rem, 84vw", "eager",
                 alt_text(painting, room_of(gallery, painting)));
}

const Room& room_of(const Gallery& gallery, const Painting& painting) {
  const Room* room = gallery.room(painting.room);
  VERNISSAGE_ASSERT(room != nullptr);
  return *room;
}

int64_t place_of(const Gallery& gallery, const Painting& painting) {
  int64_t before = 0;
  for (const Room& room : gallery.config().rooms) {
    const auto& wall = gallery.wall(room.slug);
    if (room.slug == painting.room)
      return before + (std::find(wall.begin(), wall.end(), &painting) - wall.begin());
    before += std::ssize(wall);
  }
  VERNISSAGE_ASSERT(false);
  return -1;
}

std::string count_text(size_t count) {
  return std::to_string(count) + (count == 1 ? " painting" : " paintings");
}

Html deed_link(const Site& site, bool take, const std::string& url, std::string_view word) {
  return site.fill(
      "deed_link.html",
      Values().text("class", take ? "take" : "walk").text("url", url).text("word", word));
}

Html deeds(const Site& site, const Html& links) {
  return site.fill("deed.html", Values().html("deeds", links));
}

}  // namespace vernissage::web
