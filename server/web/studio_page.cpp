// The studio: shirts for whoever passes.
#include <algorithm>
#include <array>

#include "server/web/page_parts.h"
#include "server/web/pages.h"

namespace vernissage::web {
namespace {

constexpr uint32_t kPrintsShown = 12;
constexpr std::array kCloths = {"white", "sand", "sage", "brick", "navy", "ink"};

std::string studio_url(uint32_t from) {
  return std::string(kStudioUrl) + "?from=" + std::to_string(from);
}

}  // namespace

std::string studio_page(const Site& site, const gallery::Gallery& gallery, uint32_t first) {
  const Words& words = site.words();
  const auto name = [&](uint32_t number) {
    return words.say("studio.print", {{"n", std::to_string(number)}});
  };
  const int side = gallery.ladder().back();
  Html swatches, prints;
  for (const char* slug : kCloths)
    swatches.text +=
        site.fill("swatch.html", Values()
                                     .text("slug", slug)
                                     .text("name", words.say(std::string("studio.") + slug))
                                     .html("checked", {slug == kCloths.front() ? " checked" : ""}))
            .text;
  const uint32_t end = std::min(first + 1 + kPrintsShown, kPrintsMax);
  for (uint32_t number = first + 1; number < end; ++number)
    prints.text += site.fill("print.html", Values()
                                               .text("url", studio_url(number))
                                               .text("picture", print_url(number, "jpg"))
                                               .number("side", side)
                                               .text("name", name(number)))
                       .text;
  // One print further, or a shelf of them.
  const auto link = [&](uint32_t from, const char* relation, const char* key) {
    return page_link(site, relation, studio_url(from), words.say(key));
  };
  const Html nothing{"<span></span>"};
  const bool last = first + 1 >= kPrintsMax;
  Look look;
  look.title = words.say("studio.title");
  look.url = kStudioUrl;
  look.body_class = "studio";
  look.styles = {"studio.css"};
  look.scripts = {"studio.js"};
  return page(
      site, gallery, look,
      site.fill(
          "studio.html",
          Values()
              .number("number", first)
              .number("side", side)
              .number("max", kPrintsMax)
              .html("shirt", site.fill("shirt.html", Values()
                                                         .text("url", print_url(first, "jpg"))
                                                         .number("side", side)
                                                         .text("name", name(first))))
              .html("swatches", swatches)
              .text("name", name(first))
              .text("print", print_url(first, "png"))
              .text("file", "print-" + std::to_string(first) + ".png")
              .html("prints", prints)
              .html("previous", link(first == 0 ? 0 : first - 1, "prev", "studio.previous"))
              .html("next", last ? nothing : link(first + 1, "next", "studio.next"))
              .html("earlier", first == 0 ? nothing
                                          : link(first - std::min(first, kPrintsShown + 1), "shelf",
                                                 "studio.earlier"))
              .html("later", end >= kPrintsMax ? nothing : link(end, "shelf", "studio.later"))));
}

}  // namespace vernissage::web
