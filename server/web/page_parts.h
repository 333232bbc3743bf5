// What pages are put together from. For the files that make pages.
#pragma once

#include <string>
#include <string_view>

#include "server/gallery/gallery.h"
#include "server/web/pages.h"
#include "server/web/site.h"

namespace vernissage::web {

/// Where the navigation says that we are: a room, or one of the two pages beside the rooms.
struct Place {
  const gallery::Room* room = nullptr;
  std::string url = {};
};

/// The walls have colours of their own in gallery.css for these; other rooms get the plain one.
std::string wall_class(const gallery::Room* room);

/// The frame around every page. `body_class` chooses its style.
std::string page(const Site& site, const gallery::Gallery& gallery, const std::string& title,
                 const Place& place, const std::string& body_class, const Html& main);

/// A painting's preview in its frame. `sizes`: how wide it is shown, for the browser's choice from
/// the ladder. `loading`: eager for what is seen first, else lazy.
Html picture(const Site& site, const gallery::Gallery& gallery, const gallery::Painting& painting,
             const std::string& sizes, const std::string& loading, const std::string& alt);

/// A painting as it hangs among others.
Html work(const Site& site, const gallery::Gallery& gallery, const gallery::Painting& painting,
          const std::string& loading);

/// A painting alone and large.
Html large_picture(const Site& site, const gallery::Gallery& gallery,
                   const gallery::Painting& painting);

const gallery::Room& room_of(const gallery::Gallery& gallery, const gallery::Painting& painting);
/// Its bit in /api/v1/state.
int64_t place_of(const gallery::Gallery& gallery, const gallery::Painting& painting);
/// "12 paintings"
std::string count_text(size_t count);
/// A link that does something, as a button where `take`.
Html deed_link(const Site& site, bool take, const std::string& url, std::string_view word);
Html deeds(const Site& site, const Html& links);

}  // namespace vernissage::web
