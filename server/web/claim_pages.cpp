// The pages around taking a painting.
#include "server/gallery/claims.h"
#include "server/web/page_parts.h"
#include "server/web/pages.h"

namespace vernissage::web {
namespace {

using gallery::Gallery;
using gallery::Painting;
using gallery::Room;

Look look_of(std::string title, const Room* room, std::string body_class) {
  Look look;
  look.title = std::move(title);
  look.room = room;
  look.body_class = std::move(body_class);
  look.styles = {"wall.css", "piece.css"};
  return look;
}

// The owner's picture itself, to come close to.
Html zoom(const Site& site, const Gallery& gallery, const Painting& painting) {
  return site.fill("zoom.html", Values()
                                    .text("full", full_url(painting.id))
                                    .number("side", gallery.config().resolution)
                                    .text("alt", alt_text(site, gallery, painting)));
}

}  // namespace

std::string claim_page(const Site& site, const Gallery& gallery, const Painting& painting,
                       const ClaimForm& form) {
  const Room& room = room_of(gallery, painting);
  const std::string title = title_of(site, gallery, painting);
  const std::string side = std::to_string(gallery.config().resolution);
  const Html problem = form.problem.empty()
                           ? Html{}
                           : site.fill("problem.html", Values().text("text", form.problem));
  return page(
      site, gallery, look_of(site.words().say("claim.title", {{"title", title}}), &room, "alone"),
      site.fill("claim.html", Values()
                                  .text("frame", frame_class(painting))
                                  .html("picture", large_picture(site, gallery, painting))
                                  .text("title", title)
                                  .text("room", title_of(site, gallery, room))
                                  .text("room_url", hanging_url(painting))
                                  .text("action", kClaimsUrl)
                                  .text("size", site.words().say("claim.size", {{"side", side}}))
                                  .html("problem", problem)
                                  .text("plaque", form.plaque)
                                  .number("plaque_max", gallery::kPlaqueBytesMax)
                                  .text("id", painting.id)
                                  .text("request", form.request)
                                  .text("token", form.token)
                                  .text("back", painting_url(painting.id))));
}

std::string taken_page(const Site& site, const Gallery& gallery, const Painting& painting,
                       const std::vector<const Painting*>& similar) {
  const Words& words = site.words();
  return page(
      site, gallery, look_of(words.say("taken.title"), &room_of(gallery, painting), "alone"),
      site.fill(
          "taken.html",
          Values()
              .text("text", words.say("taken.text", {{"title", title_of(site, gallery, painting)}}))
              .html("similar", row(site, gallery, words.say("taken.similar"), similar))));
}

std::string already_own_page(const Site& site, const Gallery& gallery, const Painting& wanted,
                             const Painting& owned) {
  const Words& words = site.words();
  return page(site, gallery, look_of(words.say("own.title"), &room_of(gallery, owned), "alone"),
              site.fill("already_own.html",
                        Values()
                            .text("text", words.say("own.text",
                                                    {{"wanted", title_of(site, gallery, wanted)}}))
                            .text("owned", title_of(site, gallery, owned))
                            .text("mine", kMineUrl)
                            .html("work", work(site, gallery, owned, "eager"))));
}

std::string mine_page(const Site& site, const Gallery& gallery, const Painting& owned) {
  const auto claim = gallery.claims().of_painting(owned.id);
  const Room& room = room_of(gallery, owned);
  const bool ready = gallery.claims().picture_ready(owned.id);
  const std::string title = title_of(site, gallery, owned);
  const std::string text =
      site.words().say(ready ? "mine.ready" : "mine.waiting",
                       {{"number", site.words().number(claim ? claim->sequence : 0)},
                        {"count", site.words().number(std::ssize(gallery.catalogue()))},
                        {"side", std::to_string(gallery.config().resolution)}});
  Values news;
  news.text("text", text);
  if (ready)
    news.text("full", full_url(owned.id))
        .text("file", title + ".png")
        .text("certificate", certificate_url(owned.id))
        .text("share", site.visit().origin + painting_url(owned.id));
  else
    news.text("mine", kMineUrl);
  Look look = look_of(title, &room, "alone");
  look.url = kMineUrl;
  look.scripts = {"mine.js"};
  return page(site, gallery, look,
              site.fill("mine.html",
                        Values()
                            .text("frame", frame_class(owned))
                            .html("ready", {ready ? "" : " data-waiting"})
                            .html("picture", ready ? zoom(site, gallery, owned)
                                                   : large_picture(site, gallery, owned))
                            .text("title", title)
                            .text("room", title_of(site, gallery, room))
                            .text("room_url", hanging_url(owned))
                            .text("label", claim ? claim->plaque : "")
                            .html("news", site.fill(ready ? "mine_ready.html" : "mine_waiting.html",
                                                    news))));
}

std::string nothing_mine_page(const Site& site, const Gallery& gallery) {
  Look look = look_of(site.words().say("mine.title"), nullptr, "error");
  look.url = kMineUrl;
  look.scripts = {"mine.js"};
  return page(site, gallery, look, site.fill("nothing_mine.html", Values()));
}

std::string certificate_page(const Site& site, const Gallery& gallery, const Painting& painting,
                             std::string_view text) {
  const std::string title = title_of(site, gallery, painting);
  Look look = look_of(site.words().say("certificate.of", {{"title", title}}),
                      &room_of(gallery, painting), "alone");
  look.scripts = {"certificate.js"};
  return page(
      site, gallery, look,
      site.fill(
          "certificate.html",
          Values().text("url", painting_url(painting.id)).text("title", title).text("text", text)));
}

}  // namespace vernissage::web
