// The pages around taking a painting.
#include "server/gallery/claims.h"
#include "server/web/page_parts.h"
#include "server/web/pages.h"

namespace vernissage::web {

using gallery::Gallery;
using gallery::Painting;
using gallery::Room;

std::string claim_page(const Site& site, const Gallery& gallery, const Painting& painting,
                       const ClaimForm& form) {
  const Room& room = room_of(gallery, painting);
  const Html problem = form.problem.empty()
                           ? Html{}
                           : site.fill("problem.html", Values().text("text", form.problem));
  return page(site, gallery, "Take " + painting.title, {&room}, "alone",
              site.fill("claim.html", Values()
                                          .html("picture", large_picture(site, gallery, painting))
                                          .text("title", painting.title)
                                          .text("room", room.title)
                                          .text("room_url", room_url(room.slug) + "#" + painting.id)
                                          .text("action", kClaimsUrl)
                                          .number("side", gallery.config().resolution)
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
  Html works;
  for (const Painting* free : similar) works.text += work(site, gallery, *free, "eager").text;
  const Html shown =
      similar.empty() ? Html{} : site.fill("similar.html", Values().html("works", works));
  return page(
      site, gallery, "Taken", {&room_of(gallery, painting)}, "room",
      site.fill("taken.html", Values().text("title", painting.title).html("similar", shown)));
}

std::string already_own_page(const Site& site, const Gallery& gallery, const Painting& wanted,
                             const Painting& owned) {
  return page(
      site, gallery, "You have chosen already", {&room_of(gallery, owned)}, "room",
      site.fill("already_own.html", Values()
                                        .text("wanted", wanted.title)
                                        .text("owned", owned.title)
                                        .text("mine", kMineUrl)
                                        .html("work", work(site, gallery, owned, "eager"))));
}

std::string mine_page(const Site& site, const Gallery& gallery, const Painting& owned) {
  const auto claim = gallery.claims().of_painting(owned.id);
  const Room& room = room_of(gallery, owned);
  const bool ready = gallery.claims().picture_ready(owned.id);
  Values news;
  news.number("number", claim ? claim->sequence : 0)
      .number("count", std::ssize(gallery.catalogue()));
  if (ready)
    news.number("side", gallery.config().resolution)
        .text("full", full_url(owned.id))
        .text("file", owned.title + ".png")
        .text("certificate", certificate_url(owned.id));
  else
    news.text("mine", kMineUrl);
  return page(site, gallery, owned.title, {&room, kMineUrl}, "alone",
              site.fill("mine.html",
                        Values()
                            .html("ready", {ready ? "" : " data-waiting"})
                            .html("picture", large_picture(site, gallery, owned))
                            .text("title", owned.title)
                            .text("room", room.title)
                            .text("room_url", room_url(room.slug) + "#" + owned.id)
                            .text("label", claim ? claim->plaque : "")
                            .html("news", site.fill(ready ? "mine_ready.html" : "mine_waiting.html",
                                                    news))));
}

std::string nothing_mine_page(const Site& site, const Gallery& gallery) {
  return page(site, gallery, "Yours", {nullptr, kMineUrl}, "error",
              site.fill("nothing_mine.html", Values()));
}

std::string certificate_page(const Site& site, const Gallery& gallery, const Painting& painting,
                             std::string_view text) {
  return page(site, gallery, "Certificate of " + painting.title, {&room_of(gallery, painting)},
              "alone",
              site.fill("certificate.html", Values()
                                                .text("url", painting_url(painting.id))
                                                .text("title", painting.title)
                                                .text("text", text)));
}

}  // namespace vernissage::web
