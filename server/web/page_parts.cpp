#include "server/web/page_parts.h"

#include <algorithm>

#include "base/error.h"
#include "server/gallery/claims.h"

namespace vernissage::web {
namespace {

using gallery::Gallery;
using gallery::Painting;
using gallery::Room;

// Of default_rooms(): they have walls of their own, and the catalogues have words for them.
bool is_painted(const Room& room) {
  const std::vector<Room> painted = gallery::default_rooms();
  return std::any_of(painted.begin(), painted.end(),
                     [&](const Room& other) { return other.slug == room.slug; });
}

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

Html rooms_navigation(const Site& site, const Gallery& gallery, const Look& look) {
  Html out;
  for (const Room& room : gallery.config().rooms)
    out.text += nav_item(site, room_url(room.slug), title_of(site, gallery, room),
                         &room == look.room && look.url.empty())
                    .text;
  return out;
}

Html own_navigation(const Site& site, const Look& look) {
  Html out;
  for (const auto& [url, key] : {std::pair(kStudioUrl, "nav.studio"), {kMineUrl, "nav.mine"}})
    out.text += nav_item(site, url, site.words().say(key), look.url == url).text;
  return out;
}

Html language_links(const Site& site) {
  const auto& [current, path, query, origin] = site.visit();
  const std::string address = path + "?" + query + (query.empty() ? "lang=" : "&lang=");
  Html out;
  for (const Language& language : languages())
    out.text +=
        site.fill("language.html",
                  Values()
                      .text("url", address + std::string(language.code))
                      .text("code", language.code)
                      .text("name", language.name)
                      .html("current", {language.code == current ? " aria-current=\"true\"" : ""}))
            .text;
  return out;
}

// What an honest label on the wall would say.
Html notes(const Site& site, const Gallery& gallery) {
  Html out;
  const auto note = [&](bool shown, const std::string& key) {
    if (shown)
      out.text += site.fill("note.html", Values()
                                             .text("lead", site.words().say(key))
                                             .text("text", site.words().say(key + "_text")))
                      .text;
  };
  note(!gallery.config().curated, "note.uncurated");
  note(gallery.config().untrained, "note.untrained");
  return out;
}

// The scripts' words as a JSON object.
std::string script_words(const Site& site) {
  std::string out;
  for (const auto& [key, text] : site.words().all()) {
    if (!key.starts_with("js.")) continue;
    out += (out.empty() ? "{\"" : ",\"") + key.substr(3) + "\":\"";
    for (const char c : text)
      out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    out += '"';
  }
  return out + '}';
}

}  // namespace

std::string wall_class(const Room* room) {
  return room && is_painted(*room) ? "wall-" + room->slug : "wall-plain";
}

std::string page(const Site& site, const Gallery& gallery, const Look& look, const Html& main) {
  const std::string& name = gallery.config().name;
  Html styles, scripts;
  const auto add = [&](Html* to, const char* part, const std::string& asset) {
    to->text += site.fill(part, Values().text("url", site.asset_url(asset))).text;
  };
  add(&styles, "style.html", "base.css");
  for (const std::string& style : look.styles) add(&styles, "style.html", style);
  add(&scripts, "script.html", "main.js");
  for (const std::string& script : look.scripts) add(&scripts, "script.html", script);
  return site
      .fill("page.html",
            Values()
                .text("language", site.visit().language)
                .text("title", look.title.empty() ? name : look.title + " · " + name)
                .text("name", name)
                .text("description", look.description.empty() ? site.words().say("site.description")
                                                              : look.description)
                .html("meta", look.meta)
                .html("styles", styles)
                .html("scripts", scripts)
                .text("class", wall_class(look.room) + " " + look.body_class)
                .text("words", script_words(site))
                .html("rooms", rooms_navigation(site, gallery, look))
                .html("own", own_navigation(site, look))
                .html("languages", language_links(site))
                .html("notes", notes(site, gallery))
                .html("main", main))
      .text;
}

Html share_meta(const Site& site, const Gallery& gallery, const Painting& painting,
                const std::string& text) {
  return site.fill("meta_share.html",
                   Values()
                       .text("site", gallery.config().name)
                       .text("title", title_of(site, gallery, painting))
                       .text("text", text)
                       .text("image", site.visit().origin +
                                          preview_url(painting.id, gallery.ladder().back(), "jpg"))
                       .text("alt", alt_text(site, gallery, painting)));
}

namespace {

// The second step of the ladder is for browsers that know neither WebP nor srcset.
Values picture_values(const Gallery& gallery, const Painting& painting, const std::string& sizes,
                      const std::string& loading) {
  const auto& ladder = gallery.ladder();
  const int width = ladder[std::min<size_t>(1, ladder.size() - 1)];
  Values values;
  values.text("webp_srcset", srcset(gallery, painting, "webp"))
      .text("jpg_srcset", srcset(gallery, painting, "jpg"))
      .text("src", preview_url(painting.id, width, "jpg"))
      .text("sizes", sizes)
      .text("loading", loading)
      .number("side", ladder.back());
  return values;
}

// By a letter of its id, so that it is the same for everybody. js/wall.js does the same.
int frame_of(const Painting& painting) {
  constexpr size_t kLetter = 2;
  return painting.id.size() > kLetter ? static_cast<unsigned char>(painting.id[kLetter]) % 4 : 0;
}

}  // namespace

std::string frame_class(const Painting& painting) {
  return "frame-" + std::to_string(frame_of(painting));
}

Html picture(const Site& site, const Gallery& gallery, const Painting& painting,
             const std::string& sizes, const std::string& loading) {
  const std::string thumb =
      painting.placeholder.empty() ? "" : " data-thumb=\"" + escaped(painting.placeholder) + "\"";
  return site.fill("picture.html", picture_values(gallery, painting, sizes, loading)
                                       .html("placeholder", {thumb})
                                       .text("alt", alt_text(site, gallery, painting)));
}

Html thumbnail(const Site& site, const Gallery& gallery, const Painting& painting,
               const std::string& sizes, const std::string& loading) {
  return site.fill("thumbnail.html", picture_values(gallery, painting, sizes, loading)
                                         .number("frame", frame_of(painting))
                                         .text("url", painting_url(painting.id))
                                         .text("title", title_of(site, gallery, painting)));
}

Html work(const Site& site, const Gallery& gallery, const Painting& painting,
          const std::string& loading) {
  const std::string word = state_word(site, gallery, painting);
  return site.fill("work.html",
                   Values()
                       .text("class", frame_class(painting) + (word.empty() ? "" : " taken"))
                       .text("id", painting.id)
                       .number("place", place_of(gallery, painting))
                       .text("url", painting_url(painting.id))
                       .text("title", title_of(site, gallery, painting))
                       .html("state", word.empty() ? Html{} : state_mark(site, word))
                       .html("picture", picture(site, gallery, painting,
                                                "(min-width: 60rem) 10rem, 28vw", loading)));
}

Html row(const Site& site, const Gallery& gallery, std::string_view title,
         const std::vector<const Painting*>& paintings) {
  if (paintings.empty()) return {};
  Html works;
  for (const Painting* painting : paintings)
    works.text += work(site, gallery, *painting, "lazy").text;
  return site.fill("similar.html", Values().text("title", title).html("works", works));
}

Html large_picture(const Site& site, const Gallery& gallery, const Painting& painting) {
  return picture(site, gallery, painting, "(min-width: 40rem) 34rem, 84vw", "eager");
}

const Room& room_of(const Gallery& gallery, const Painting& painting) {
  const Room* room = gallery.room(painting.room);
  VERNISSAGE_ASSERT(room != nullptr);
  return *room;
}

std::string title_of(const Site& site, const Gallery& gallery, const Painting& painting) {
  return gallery.title(painting, site.visit().language);
}

std::string title_of(const Site& site, const Gallery& gallery, const Room& room) {
  if (room.titles.empty())
    for (const Room& painted : gallery::default_rooms())
      if (painted.slug == room.slug && painted.title == room.title)
        return site.words().say("room." + room.slug);
  return gallery.title(room, site.visit().language);
}

int64_t place_of(const Gallery& gallery, const Painting& painting) {
  int64_t before = 0;
  for (const Room& room : gallery.config().rooms) {
    if (room.slug == painting.room) {
      const auto& wall = gallery.wall(room.slug);
      return before + (std::find(wall.begin(), wall.end(), &painting) - wall.begin());
    }
    before += std::ssize(gallery.wall(room.slug));
  }
  VERNISSAGE_ASSERT(false);
  return -1;
}

std::string alt_text(const Site& site, const Gallery& gallery, const Painting& painting) {
  return site.words().say("alt", {{"title", title_of(site, gallery, painting)},
                                  {"room", title_of(site, gallery, room_of(gallery, painting))}});
}

std::string state_word(const Site& site, const Gallery& gallery, const Painting& painting) {
  const auto claim = gallery.claims().of_painting(painting.id);
  if (!claim) return {};
  return claim->plaque.empty() ? site.words().say("state.taken")
                               : site.words().say("state.taken_by", {{"name", claim->plaque}});
}

Html state_mark(const Site& site, const std::string& word) {
  return site.fill("state.html", Values().text("word", word));
}

int64_t free_among(const Gallery& gallery, int64_t first, int64_t count) {
  const gallery::Snapshot snapshot = gallery.claims().snapshot();
  int64_t free = 0;
  for (int64_t place = first; place < first + count; ++place)
    free += (snapshot.bitmap[static_cast<size_t>(place / 8)] >> (place % 8) & 1) == 0;
  return free;
}

Html action_link(const Site& site, bool take, const std::string& url, std::string_view word,
                 const std::string& download) {
  return site.fill(
      "action_link.html",
      Values()
          .text("class", take ? "take" : "walk")
          .text("url", url)
          .text("word", word)
          .html("more", {download.empty() ? "" : " download=\"" + escaped(download) + "\""}));
}

Html actions(const Site& site, const Html& links) {
  return site.fill("actions.html", Values().html("links", links));
}

Html step(const Site& site, const char* relation, const std::string& url, std::string_view word,
          std::string_view title) {
  return site.fill(
      "step.html",
      Values().text("url", url).text("relation", relation).text("word", word).text("title", title));
}

Html page_link(const Site& site, const char* relation, const std::string& url,
               std::string_view word) {
  return site.fill("page_link.html",
                   Values().text("url", url).text("relation", relation).text("word", word));
}

}  // namespace vernissage::web
