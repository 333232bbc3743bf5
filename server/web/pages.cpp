#include "server/web/pages.h"

#include <algorithm>
#include <cstdio>
#include <set>
#include <utility>

#include "base/error.h"
#include "server/gallery/claims.h"
#include "server/web/page_parts.h"

namespace vernissage::web {
namespace {

using gallery::Gallery;
using gallery::Painting;
using gallery::Room;

constexpr size_t kCardPictures = 15;

// Those that answer their queries best, one of a title as long as there are others; where nobody
// chose, from all along the wall.
std::vector<const Painting*> best_of(const std::vector<const Painting*>& wall, size_t count_max) {
  std::vector<const Painting*> best = wall;
  std::stable_sort(best.begin(), best.end(), [](const Painting* a, const Painting* b) {
    const auto key = [](const Painting* p) {
      return p->why ? std::pair(p->why->rank, -p->why->score) : std::pair(int64_t{0}, 0.0f);
    };
    return key(a) < key(b);
  });
  std::set<std::string_view> titles;
  const auto repeats =
      std::stable_partition(best.begin(), best.end(), [&](const Painting* painting) {
        return painting->why && titles.insert(painting->title).second;
      });
  if (repeats == best.begin()) {
    const size_t shown = std::min(count_max, wall.size());
    for (size_t i = 0; i < shown; ++i) best[i] = wall[i * wall.size() / shown];
  }
  if (best.size() > count_max) best.resize(count_max);
  return best;
}

// "“Skyline” went to Ada." of the newest claim; nothing before the first.
std::string last_claim_text(const Site& site, const Gallery& gallery) {
  const int64_t sequence = gallery.claims().snapshot().sequence;
  if (sequence == 0) return {};
  const auto newest = gallery.claims().since(sequence - 1, 1);
  const Painting* painting = newest.empty() ? nullptr : gallery.painting(newest.front().painting);
  if (!painting) return {};
  const std::string title = title_of(site, gallery, *painting);
  return newest.front().plaque.empty()
             ? site.words().say("entrance.last_unnamed", {{"title", title}})
             : site.words().say("entrance.last",
                                {{"title", title}, {"name", newest.front().plaque}});
}

// Which of the paintings of this title in its room it is: "7 of 33"; nothing for the only one.
std::string number_of_title(const Site& site, const Gallery& gallery, const Painting& painting) {
  int64_t number = 0, count = 0;
  for (const Painting* other : gallery.wall(painting.room)) {
    if (other->title != painting.title) continue;
    ++count;
    if (other == &painting) number = count;
  }
  return count < 2 ? ""
                   : site.words().say("painting.of_title", {{"n", site.words().number(number)},
                                                            {"count", site.words().number(count)}});
}

Html room_card(const Site& site, const Gallery& gallery, const Room& room, int64_t first) {
  // The card's link is its plaque; the pictures lead to their paintings for those who see them.
  Html pictures;
  for (const Painting* painting : best_of(gallery.wall(room.slug), kCardPictures))
    pictures.text +=
        thumbnail(site, gallery, *painting, "(min-width: 60rem) 9rem, 44vw", "lazy").text;
  const int64_t count = std::ssize(gallery.wall(room.slug));
  return site.fill(
      "room_card.html",
      Values()
          .text("class", wall_class(&room))
          .text("url", room_url(room.slug))
          .text("title", title_of(site, gallery, room))
          .number("from", first)
          .number("count", count)
          .text("free", site.words().count("count.free", free_among(gallery, first, count)))
          .html("pictures", pictures));
}

// What can be done before this painting.
Html actions_at(const Site& site, const Gallery& gallery, const Painting& painting,
                const Viewer& viewer) {
  const Words& words = site.words();
  Html links;
  const auto link = [&](bool take, const std::string& url, const char* key,
                        const std::string& download = {}) {
    links.text += action_link(site, take, url, words.say(key), download).text + "\n";
  };
  if (viewer.owned == &painting)
    link(true, kMineUrl, "painting.to_yours");
  else if (!viewer.owned && !gallery.claims().of_painting(painting.id))
    link(true, claim_url(painting.id), "painting.take");
  if (viewer.flowing) {
    link(false, painting_url(painting.id), "js.flow_stop");
  } else {
    links.text += site.fill("favourite.html", {}).text;
    if (const Painting* next = gallery.neighbour(painting, 1))
      links.text +=
          site.fill("flow_link.html", Values()
                                          .text("url", painting_url(painting.id) + "?" + kFlowQuery)
                                          .text("flow", flow_url(painting.id, next->id)))
              .text +
          "\n";
  }
  link(false, drift_url(painting.id), "painting.drift");
  link(false, preview_url(painting.id, gallery.ladder().back(), "jpg"), "painting.small",
       title_of(site, gallery, painting) + ".jpg");
  return actions(site, links);
}

Html why_text(const Site& site, const Painting& painting) {
  if (!painting.why) return {};
  char score[16];
  std::snprintf(score, sizeof score, "%.3f", static_cast<double>(painting.why->score));
  return site.fill(
      "why.html",
      Values().text("text",
                    site.words().say("why.text", {{"query", painting.why->query},
                                                  {"of", site.words().number(painting.why->of)},
                                                  {"rank", site.words().number(painting.why->rank)},
                                                  {"score", score}})));
}

Html wall_part(const Site& site, const Gallery& gallery, const Room& room, const WallQuery& query,
               const std::vector<const Painting*>& found) {
  constexpr size_t kSeenFirst = 4;
  const size_t pages = (found.size() + kWorksPerPage - 1) / kWorksPerPage;
  size_t page = query.page;
  const auto at = std::find_if(found.begin(), found.end(),
                               [&](const Painting* work) { return work->id == query.at; });
  if (at != found.end()) page = static_cast<size_t>(at - found.begin()) / kWorksPerPage;
  if (page >= pages)
    return site.fill("nothing_found.html", Values().text("url", room_url(room.slug)));

  Html works;
  const size_t first = page * kWorksPerPage;
  const size_t end = std::min(first + kWorksPerPage, found.size());
  for (size_t i = first; i < end; ++i)
    works.text += work(site, gallery, *found[i], i < first + kSeenFirst ? "eager" : "lazy").text;

  const std::string asked = wall_query_text(query);
  const auto link = [&](bool there, const char* relation, size_t number, const char* key) {
    const std::string url = room_url(room.slug) + asked + (asked.empty() ? "?" : "&") +
                            "page=" + std::to_string(number + 1);
    return there ? page_link(site, relation, url, site.words().say(key)) : Html{"<span></span>"};
  };
  return site.fill(
      "wall.html",
      Values()
          .text("label", site.words().say("room.wall", {{"room", title_of(site, gallery, room)}}))
          .text("list", "/api/v1/rooms/" + room.slug + asked)
          .number("total", std::ssize(found))
          .number("first", static_cast<int64_t>(first))
          .html("works", works)
          .html("previous", link(page > 0, "prev", page - 1, "room.before"))
          .html("next", link(page + 1 < pages, "next", page + 1, "room.further"))
          .text("page", site.words().say("room.page", {{"n", std::to_string(page + 1)},
                                                       {"count", std::to_string(pages)}})));
}

}  // namespace

std::string room_url(const std::string& slug) {
  return "/rooms/" + slug;
}
std::string hanging_url(const Painting& painting) {
  return room_url(painting.room) + "?at=" + painting.id + "#" + painting.id;
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
std::string drift_url(const std::string& from) {
  return std::string(kDriftUrl) + "?at=" + from;
}
std::string print_url(uint32_t number, std::string_view extension) {
  return "/api/v1/studio/" + std::to_string(number) + "." + std::string(extension);
}

std::string alt_text(const Painting& painting, const Room& room) {
  return painting.title + ", a painting in the room " + room.title;
}

std::string entrance_page(const Site& site, const Gallery& gallery) {
  Html cards;
  int64_t first = 0;
  for (const Room& room : gallery.config().rooms) {
    cards.text += room_card(site, gallery, room, first).text;
    first += std::ssize(gallery.wall(room.slug));
  }
  Look look;
  look.body_class = "entrance";
  look.styles = {"entrance.css"};
  return page(
      site, gallery, look,
      site.fill("entrance.html",
                Values()
                    .text("promise", site.words().count("entrance.promise", first))
                    .text("last", last_claim_text(site, gallery))
                    .number("count", first)
                    .text("free", site.words().count("count.free", free_among(gallery, 0, first)))
                    .text("drift", kDriftUrl)
                    .html("room_cards", cards)));
}

std::string room_page(const Site& site, const Gallery& gallery, const Room& room,
                      const WallQuery& query) {
  const auto found = paintings_on(site, gallery, room, query);
  const std::string all =
      site.words().count("count.paintings", std::ssize(gallery.wall(room.slug)));
  const auto chosen = [&](WallQuery::Show show) -> Html {
    return {query.show == show ? " selected" : ""};
  };
  Look look;
  look.title = title_of(site, gallery, room);
  look.room = &room;
  look.body_class = "room";
  look.styles = {"wall.css"};
  look.scripts = {"room.js"};
  return page(
      site, gallery, look,
      site.fill("room.html",
                Values()
                    .text("title", look.title)
                    .text("count",
                          query.everything()
                              ? all
                              : site.words().say("room.found",
                                                 {{"found", site.words().number(std::ssize(found))},
                                                  {"n", all}}))
                    .html("whole", query.everything() || found.empty()
                                       ? Html{}
                                       : site.fill("whole_room.html",
                                                   Values().text("url", room_url(room.slug))))
                    .text("url", room_url(room.slug))
                    .text("query", query.title)
                    .html("all", chosen(WallQuery::Show::all))
                    .html("free", chosen(WallQuery::Show::free))
                    .html("taken", chosen(WallQuery::Show::taken))
                    .html("wall", wall_part(site, gallery, room, query, found))));
}

std::string painting_page(const Site& site, const Gallery& gallery, const Painting& painting,
                          const Viewer& viewer) {
  const Room& room = room_of(gallery, painting);
  const std::string title = title_of(site, gallery, painting);
  const auto beside = [&](int by, const char* relation, const char* key) -> Html {
    const Painting* other = gallery.neighbour(painting, by);
    if (!other) return {"<span></span>"};  // keeps the other one on its side
    return step(site, relation, painting_url(other->id), site.words().say(key),
                title_of(site, gallery, *other));
  };
  const std::string word = viewer.owned == &painting ? site.words().say("state.yours")
                                                     : state_word(site, gallery, painting);
  Look look;
  look.title = title;
  look.room = &room;
  look.body_class = "alone";
  look.styles = {"wall.css", "piece.css"};
  const Painting* next = viewer.flowing ? gallery.neighbour(painting, 1) : nullptr;
  const Viewer seen{viewer.owned, next != nullptr};
  if (!next) look.scripts = {"painting.js"};
  look.description = alt_text(site, gallery, painting);
  look.meta = share_meta(site, gallery, painting, word.empty() ? look.description : word);
  return page(
      site, gallery, look,
      site.fill(
          "painting.html",
          Values()
              .html("class", {" " + frame_class(painting) + (word.empty() ? "" : " taken")})
              .text("number_of_title", number_of_title(site, gallery, painting))
              .number("place", place_of(gallery, painting))
              .text("id", painting.id)
              .text("title", title)
              .text("room", title_of(site, gallery, room))
              .text("room_url", hanging_url(painting))
              .text("number",
                    site.words().say(
                        "painting.number",
                        {{"n", site.words().number(painting.position + 1)},
                         {"count", site.words().number(std::ssize(gallery.wall(room.slug)))}}))
              .text("label", gallery.config().curated ? "" : site.words().say("painting.uncurated"))
              .html("state", word.empty() ? Html{} : state_mark(site, word))
              .html("actions", actions_at(site, gallery, painting, seen))
              .html("why", why_text(site, painting))
              .html("previous", beside(-1, "prev", "painting.previous"))
              .html("next", beside(1, "next", "painting.next"))
              .html("similar", row(site, gallery, site.words().say("painting.similar"),
                                   gallery.claims().similar_free(painting)))
              .html("picture", next ? site.fill("flowing.html",
                                                Values()
                                                    .text("flow", flow_url(painting.id, next->id))
                                                    .number("side", gallery.ladder().back()))
                                    : large_picture(site, gallery, painting))));
}

std::string drift_page(const Site& site, const Gallery& gallery, const Painting& painting) {
  const auto& all = gallery.catalogue();
  const auto place = static_cast<size_t>(place_of(gallery, painting));
  const auto other = [&](size_t by) { return drift_url(all[(place + by) % all.size()]->id); };
  std::string rooms;
  for (const Room& room : gallery.config().rooms) rooms += (rooms.empty() ? "" : " ") + room.slug;
  Look look;
  look.title = site.words().say("drift.title");
  look.room = &room_of(gallery, painting);
  look.url = kDriftUrl;
  look.body_class = "drifting";
  look.styles = {"drift.css"};
  look.scripts = {"drift.js"};
  return page(site, gallery, look,
              site.fill("drift.html", Values()
                                          .text("rooms", rooms)
                                          .html("picture", large_picture(site, gallery, painting))
                                          .text("url", painting_url(painting.id))
                                          .text("title", title_of(site, gallery, painting))
                                          .text("room", title_of(site, gallery, *look.room))
                                          .text("previous", other(all.size() - 1))
                                          .text("next", other(1))
                                          .text("back", hanging_url(painting))));
}

std::string error_page(const Site& site, const Gallery& gallery, int status, std::string_view title,
                       std::string_view detail) {
  const auto& words = site.words().all();
  const auto said = [&](const std::string& key, std::string_view otherwise) {
    const auto found = words.find(key);
    return found == words.end() ? std::string(otherwise) : found->second;
  };
  // The details of our answers are for programs: people get the catalogue's words, if it has any.
  const std::string text = said("error.text." + std::to_string(status), detail);
  Look look;
  look.title = said("error." + std::to_string(status), title);
  look.body_class = "error";
  return page(
      site, gallery, look,
      site.fill("error.html",
                Values().number("status", status).text("title", look.title).text("detail", text)));
}

}  // namespace vernissage::web
