// The pages: a gallery's things said in HTML. Pure functions of the gallery; nothing of HTTP.
#pragma once

#include <string>
#include <string_view>

#include "server/gallery/gallery.h"
#include "server/web/site.h"

namespace vernissage::web {

/// Addresses, said once.
std::string room_url(const std::string& slug);
std::string painting_url(const std::string& id);
std::string preview_url(const std::string& id, int width, std::string_view extension);

/// "Untitled No. 7, a painting in the room City": what is read out in place of the picture.
std::string alt_text(const gallery::Painting& painting, const gallery::Room& room);

std::string entrance_page(const Site& site, const gallery::Gallery& gallery);
std::string room_page(const Site& site, const gallery::Gallery& gallery, const gallery::Room& room);
std::string painting_page(const Site& site, const gallery::Gallery& gallery,
                          const gallery::Painting& painting);
std::string error_page(const Site& site, const gallery::Gallery& gallery, int status,
                       std::string_view title, std::string_view detail);

}  // namespace vernissage::web
