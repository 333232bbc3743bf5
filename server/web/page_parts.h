// What pages are put together from. For the files that make pages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/gallery/gallery.h"
#include "server/web/pages.h"
#include "server/web/site.h"

namespace vernissage::web {

/// A page, before its frame is put around it.
struct Look {
  std::string title;                    // empty: the gallery's name alone
  const gallery::Room* room = nullptr;  // where we are: it gives the wall its tone
  std::string url = {};                 // or which of the pages beside the rooms this is
  std::string body_class;
  std::vector<std::string> styles = {};   // beside base.css
  std::vector<std::string> scripts = {};  // beside main.js
  std::string description = {};           // for search engines; empty: the gallery's
  Html meta = {};
};

/// The frame around every page.
std::string page(const Site& site, const gallery::Gallery& gallery, const Look& look,
                 const Html& main);

/// What is shown of a painting when its page is linked from elsewhere (Open Graph).
Html share_meta(const Site& site, const gallery::Gallery& gallery,
                const gallery::Painting& painting, const std::string& text);

/// The walls have a tone of their own for these; other rooms get the plain one.
std::string wall_class(const gallery::Room* room);

/// A painting's preview in its frame. `sizes`: how wide it is shown, for the browser's choice from
/// the ladder. `loading`: eager for what is seen first, else lazy.
Html picture(const Site& site, const gallery::Gallery& gallery, const gallery::Painting& painting,
             const std::string& sizes, const std::string& loading);

/// The frame a painting has wherever it is shown: "frame-2", a class of the styles.
std::string frame_class(const gallery::Painting& painting);

/// The same small, as a link without words: one of many on a card.
Html thumbnail(const Site& site, const gallery::Gallery& gallery, const gallery::Painting& painting,
               const std::string& sizes, const std::string& loading);

/// A painting as it hangs among others.
Html work(const Site& site, const gallery::Gallery& gallery, const gallery::Painting& painting,
          const std::string& loading);
/// A row of them under a title; nothing for none.
Html row(const Site& site, const gallery::Gallery& gallery, std::string_view title,
         const std::vector<const gallery::Painting*>& paintings);

/// A painting alone and large.
Html large_picture(const Site& site, const gallery::Gallery& gallery,
                   const gallery::Painting& painting);

const gallery::Room& room_of(const gallery::Gallery& gallery, const gallery::Painting& painting);
/// In the visit's language, where the gallery has it.
std::string title_of(const Site& site, const gallery::Gallery& gallery,
                     const gallery::Painting& painting);
/// A room that has the title of one of default_rooms() has it in every language of the pages.
std::string title_of(const Site& site, const gallery::Gallery& gallery, const gallery::Room& room);

/// "Taken by Ada", or nothing where it is free.
std::string state_word(const Site& site, const gallery::Gallery& gallery,
                       const gallery::Painting& painting);
/// The red dot and that word.
Html state_mark(const Site& site, const std::string& word);

/// Of the places first … first + count - 1, how many are free.
int64_t free_among(const gallery::Gallery& gallery, int64_t first, int64_t count);

/// A link that acts, as a button where `take`. `download`: the name of the file it gives.
Html action_link(const Site& site, bool take, const std::string& url, std::string_view word,
                 const std::string& download = {});
Html actions(const Site& site, const Html& links);

/// A link along a wall: `relation` is "prev" or "next".
Html step(const Site& site, const char* relation, const std::string& url, std::string_view word,
          std::string_view title);
Html page_link(const Site& site, const char* relation, const std::string& url,
               std::string_view word);

}  // namespace vernissage::web
