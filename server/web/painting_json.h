// What the API says of a painting wherever it lists one.
#pragma once

#include "server/gallery/gallery.h"
#include "server/http/json.h"

namespace vernissage::web {

/// Inside the object of a painting: "placeholder" and "why", where the painting has them.
void add_curation(http::Json& json, const gallery::Painting& painting);

}  // namespace vernissage::web
