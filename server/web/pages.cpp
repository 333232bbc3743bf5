#include "server/web/pages.h"

#include <algorithm>
#include <array>

#include "engine/error.h"

namespace vernissage::web {
namespace {

using gallery::Gallery;
using gallery::Painting;
using gallery::Room;

constexpr int kDoorPictures = 3;

// The walls have colours of their own in gallery.css for these; other rooms get the plain one.
std::string wall_class(const Room* room) {
  constexpr std::array kPainted = {"people", "nature", "city", "mood"};
  if (room && std::find(kPainted.begin(), kPainted.end(), room->slug) != kPainted.end())
    return "wall-" + room->slug;
  return "wall-plain";
}

std::string srcset(const Gallery& gallery, const Painting& painting, std::string_view extension) {
  std::string out;
  for (const int width : gallery.ladder())
    out += (out.empty() ? "" : ", ") + preview_url(painting.id, width, extension) + " " +
           std::to_string(width) + "w";
  return out;
}

// `sizes`: how wide the picture is shown, for the browser's choice from the ladder. `loading`:
// eager for what is seen first, else lazy.
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

Html navigation(const Site& site, const Gallery& gallery, const Room* here) {
  Html out;
  for (const Room& room : gallery.config().rooms)
    out.text += site.fill("nav_item.html",
                          Values()
                              .text("url", room_url(room.slug))
                              .text("title", room.title)
                              .html("current", {&room == here ? " aria-current=\"page\"" : ""}))
                    .text;
  return out;
}

// What an honest label on the wall would say.
Html notes(const Gallery& gallery) {
  Html out;
  if (!gallery.config().curated)
    out.text +=
        "<p><strong>Uncurated.</strong> Nobody has chosen these works yet: they hang as the "
        "network "
        "painted them, sorted into rooms by chance.</p>";
  if (gallery.config().untrained)
    out.text +=
        "<p><strong>Painted by an untrained network.</strong> Its weights are random: it has never "
        "seen a picture, so these are patterns, not subjects.</p>";
  return out;
}

std::string page(const Site& site, const Gallery& gallery, const std::string& title,
                 const Room* room, const std::string& body_class, const Html& main) {
  const std::string& name = gallery.config().name;
  return site
      .fill("page.html", Values()
                             .text("title", title.empty() ? name : title + " · " + name)
                             .text("name", name)
                             .text("css", site.asset_url("gallery.css"))
                             .text("js", site.asset_url("gallery.js"))
                             .text("class", wall_class(room) + " " + body_class)
                             .html("navigation", navigation(site, gallery, room))
                             .html("notes", notes(gallery))
                             .html("main", main))
      .text;
}

std::string count_text(size_t count) {
  return std::to_string(count) + (count == 1 ? " painting" : " paintings");
}

const Room& room_of(const Gallery& gallery, const Painting& painting) {
  const Room* room = gallery.room(painting.room);
  VERNISSAGE_ASSERT(room != nullptr);
  return *room;
}

Html door(const Site& site, const Gallery& gallery, const Room& room) {
  const auto& wall = gallery.wall(room.slug);
  Html pictures;
  for (size_t i = 0; i < std::min<size_t>(kDoorPictures, wall.size()); ++i)
    // The door is one link with one name; its pictures are its decoration.
    pictures.text +=
        picture(site, gallery, *wall[i], "(min-width: 60rem) 9rem, 26vw", "eager", "").text;
  return site.fill("door.html", Values()
                                    .text("class", wall_class(&room))
                                    .text("url", room_url(room.slug))
                                    .text("title", room.title)
                                    .text("count", count_text(wall.size()))
                                    .html("pictures", pictures));
}

}  // namespace

std::string room_url(const std::string& slug) {
  return "/rooms/" + slug;
}
std::string painting_url(const std::string& id) {
  return "/paintings/" + id;
}
std::string preview_url(const std::string& id, int width, std::string_view extension) {
  return painting_url(id) + "/" + std::to_string(width) + "." + std::string(extension);
}

std::string alt_text(const Painting& painting, const Room& room) {
  return painting.title + ", a painting in the room " + room.title;
}

std::string entrance_page(const Site& site, const Gallery& gallery) {
  Html doors;
  for (const Room& room : gallery.config().rooms) doors.text += door(site, gallery, room).text;
  return page(site, gallery, "", nullptr, "entrance",
              site.fill("entrance.html",
                        Values().text("name", gallery.config().name).html("doors", doors)));
}

std::string room_page(const Site& site, const Gallery& gallery, const Room& room) {
  constexpr size_t kSeenFirst = 4;
  const auto& wall = gallery.wall(room.slug);
  Html works;
  for (size_t i = 0; i < wall.size(); ++i)
    works.text +=
        site.fill("work.html",
                  Values()
                      .text("id", wall[i]->id)
                      .text("url", painting_url(wall[i]->id))
                      .text("title", wall[i]->title)
                      .html("picture",
                            picture(site, gallery, *wall[i],
                                    "(min-width: 60rem) 18rem, (min-width: 36rem) 40vw, 80vw",
                                    i < kSeenFirst ? "eager" : "lazy", alt_text(*wall[i], room))))
            .text;
  return page(site, gallery, room.title, &room, "room",
              site.fill("room.html", Values()
                                         .text("title", room.title)
                                         .text("count", count_text(wall.size()))
                                         .html("works", works)));
}

std::string painting_page(const Site& site, const Gallery& gallery, const Painting& painting) {
  const Room& room = room_of(gallery, painting);
  const auto step = [&](int by, const char* relation, const char* word) -> Html {
    const Painting* other = gallery.neighbour(painting, by);
    if (!other) return {"<span></span>"};  // keeps the other one on its side
    return site.fill("step.html", Values()
                                      .text("url", painting_url(other->id))
                                      .text("relation", relation)
                                      .text("word", word)
                                      .text("title", other->title));
  };
  return page(
      site, gallery, painting.title, &room, "alone",
      site.fill("painting.html", Values()
                                     .text("title", painting.title)
                                     .text("room", room.title)
                                     .text("room_url", room_url(room.slug) + "#" + painting.id)
                                     .number("number", painting.position + 1)
                                     .number("count", std::ssize(gallery.wall(room.slug)))
                                     .text("label", gallery.config().curated ? "" : "Uncurated")
                                     .html("previous", step(-1, "prev", "Previous"))
                                     .html("next", step(1, "next", "Next"))
                                     .html("picture", picture(site, gallery, painting,
                                                              "(min-width: 40rem) 32rem, 84vw",
                                                              "eager", alt_text(painting, room)))));
}

std::string error_page(const Site& site, const Gallery& gallery, int status, std::string_view title,
                       std::string_view detail) {
  return page(
      site, gallery, std::string(title), nullptr, "error",
      site.fill("error.html",
                Values().number("status", status).text("title", title).text("detail", detail)));
}

}  // namespace vernissage::web
