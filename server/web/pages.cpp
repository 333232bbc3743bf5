#include "server/web/pages.h"

#include <algorithm>

#include "server/gallery/claims.h"
#include "server/web/page_parts.h"

namespace vernissage::web {
namespace {

using gallery::Gallery;
using gallery::Painting;
using gallery::Room;

constexpr int kDoorPictures = 3;
constexpr uint32_t kShirts = 12;

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

// "Taken", by whom, or nothing.
Html state(const Site& site, const Gallery& gallery, const Painting& painting,
           const Viewer& viewer) {
  const auto claim = gallery.claims().of_painting(painting.id);
  if (!claim) return {};
  std::string word = claim->plaque.empty() ? "Taken" : "Taken by " + claim->plaque;
  if (viewer.owned == &painting) word = "Yours";
  return site.fill("state.html", Values().text("word", word));
}

// What can be done before this painting.
Html deeds_at(const Site& site, const Gallery& gallery, const Painting& painting,
              const Viewer& viewer) {
  Html links;
  if (viewer.owned == &painting)
    links.text += deed_link(site, /*take=*/true, kMineUrl, "To your painting").text;
  else if (!viewer.owned && !gallery.claims().of_painting(painting.id))
    links.text += deed_link(site, /*take=*/true, claim_url(painting.id), "Take this painting").text;
  if (const Painting* next = gallery.neighbour(painting, 1))
    links.text += deed_link(site, /*take=*/false, flow_url(painting.id, next->id),
                            "Watch it flow into the next")
                      .text;
  return links.text.empty() ? Html{} : deeds(site, links);
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
std::string claim_url(const std::string& id) {
  return painting_url(id) + "/claim";
}
std::string full_url(const std::string& id) {
  return painting_url(id) + "/full.png";
}
std::string certificate_url(const std::string& id) {
  return "/certificates/" + id;
}
std::string flow_url(const std::string& from, const std::string& to) {
  return "/api/v1/flow?from=" + from + "&to=" + to;
}
std::string print_url(uint32_t number) {
  return "/api/v1/studio/" + std::to_string(number) + ".jpg";
}

std::string alt_text(const Painting& painting, const Room& room) {
  return painting.title + ", a painting in the room " + room.title;
}

std::string entrance_page(const Site& site, const Gallery& gallery) {
  Html doors;
  for (const Room& room : gallery.config().rooms) doors.text += door(site, gallery, room).text;
  return page(site, gallery, "", {}, "entrance",
              site.fill("entrance.html",
                        Values().text("name", gallery.config().name).html("doors", doors)));
}

std::string room_page(const Site& site, const Gallery& gallery, const Room& room) {
  constexpr size_t kSeenFirst = 4;
  const auto& wall = gallery.wall(room.slug);
  Html works;
  for (size_t i = 0; i < wall.size(); ++i)
    works.text += work(site, gallery, *wall[i], i < kSeenFirst ? "eager" : "lazy").text;
  return page(site, gallery, room.title, {&room}, "room",
              site.fill("room.html", Values()
                                         .text("title", room.title)
                                         .text("count", count_text(wall.size()))
                                         .html("works", works)));
}

std::string painting_page(const Site& site, const Gallery& gallery, const Painting& painting,
                          const Viewer& viewer) {
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
  const Html said = state(site, gallery, painting, viewer);
  return page(
      site, gallery, painting.title, {&room}, "alone",
      site.fill("painting.html", Values()
                                     .html("class", {said.text.empty() ? "" : " taken"})
                                     .number("place", place_of(gallery, painting))
                                     .text("title", painting.title)
                                     .text("room", room.title)
                                     .text("room_url", room_url(room.slug) + "#" + painting.id)
                                     .number("number", painting.position + 1)
                                     .number("count", std::ssize(gallery.wall(room.slug)))
                                     .text("label", gallery.config().curated ? "" : "Uncurated")
                                     .html("state", said)
                                     .html("deed", deeds_at(site, gallery, painting, viewer))
                                     .html("previous", step(-1, "prev", "Previous"))
                                     .html("next", step(1, "next", "Next"))
                                     .html("picture", large_picture(site, gallery, painting))));
}

std::string error_page(const Site& site, const Gallery& gallery, int status, std::string_view title,
                       std::string_view detail) {
  return page(
      site, gallery, std::string(title), {}, "error",
      site.fill("error.html",
                Values().number("status", status).text("title", title).text("detail", detail)));
}

std::string studio_page(const Site& site, const Gallery& gallery, uint32_t first) {
  constexpr uint32_t kSeenFirst = 4;
  Html shirts;
  const uint32_t end = std::min(first + kShirts, kPrintsMax);
  for (uint32_t number = first; number < end; ++number)
    shirts.text += site.fill("shirt.html",
                             Values()
                                 .text("url", print_url(number))
                                 .number("side", gallery.ladder().back())
                                 .number("number", number)
                                 .text("loading", number < first + kSeenFirst ? "eager" : "lazy"))
                       .text;
  const auto shelf = [&](uint32_t from, const char* relation, const char* word) {
    return site.fill("shelf.html",
                     Values()
                         .text("url", std::string(kStudioUrl) + "?from=" + std::to_string(from))
                         .text("relation", relation)
                         .text("word", word));
  };
  const Html nothing{"<span></span>"};
  return page(site, gallery, "The studio", {nullptr, kStudioUrl}, "studio",
              site.fill("studio.html",
                        Values()
                            .html("shirts", shirts)
                            .html("previous", first == 0 ? nothing
                                                         : shelf(first - std::min(first, kShirts),
                                                                 "prev", "Earlier prints"))
                            .html("next", end >= kPrintsMax ? nothing
                                                            : shelf(end, "next", "More prints"))));
}

}  // namespace vernissage::web
