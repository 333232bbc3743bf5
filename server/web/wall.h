// A room's wall as a visitor asked for it: which paintings, and where to begin.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/gallery/gallery.h"
#include "server/web/site.h"

namespace vernissage::web {

inline constexpr size_t kTitleQueryBytesMax = 400;
/// How many paintings hang on one page of a room for those without a script.
inline constexpr size_t kWorksPerPage = 24;

struct WallQuery {
  enum class Show { all, free, taken };
  std::string title = {};  // words that the title must hold; empty: any
  Show show = Show::all;
  size_t page = 0;      // from 0: paintings page · kWorksPerPage and on
  std::string at = {};  // id: the page where this one hangs, whatever `page` says

  bool everything() const { return title.empty() && show == Show::all; }
};

/// Reads ?q=&show=&page=&at= (pages are counted from 1); nothing when a value cannot be. Other
/// names are passed over.
std::optional<WallQuery> read_wall_query(std::string_view query);
/// The same as a query with its '?', without page and at; empty for the whole wall.
std::string wall_query_text(const WallQuery& query);

/// The room's paintings that `query` asks for, in the order of the wall. Titles are compared in the
/// visit's language, without regard to case and accents (Unicode case folding).
std::vector<const gallery::Painting*> paintings_on(const Site& site,
                                                   const gallery::Gallery& gallery,
                                                   const gallery::Room& room,
                                                   const WallQuery& query);

}  // namespace vernissage::web
