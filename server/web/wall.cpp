#include "server/web/wall.h"

#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "base/error.h"
#include "server/gallery/claims.h"
#include "server/visitors/claim_request.h"
#include "server/web/page_parts.h"

namespace vernissage::web {
namespace {

constexpr size_t kPairsMax = 32;  // shared links carry those of others: utm_source, fbclid …
constexpr size_t kPageMax = 1000000;

// "Été" → "ete"; nothing for what is no UTF-8.
std::optional<std::string> folded(std::string_view text) {
  utf8proc_uint8_t* out = nullptr;
  const utf8proc_ssize_t bytes = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
      static_cast<utf8proc_ssize_t>(text.size()), &out,
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE |
                                     UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK));
  const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> holder(out, std::free);
  if (bytes < 0) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(out), static_cast<size_t>(bytes));
}

// A gallery's titles, each folded once: looking through thousands of them for every request would
// cost milliseconds of a thread that answers others. Null for what is no UTF-8. The titles are
// those of the galleries that this process has, so what is kept is bounded by them.
const std::string* folded_title(const std::string& title) {
  static std::shared_mutex mutex;  // guards kept
  static std::unordered_map<std::string, std::optional<std::string>> kept;
  const auto found = [&]() -> std::optional<const std::string*> {
    const auto entry = kept.find(title);
    if (entry == kept.end()) return std::nullopt;
    return entry->second ? &*entry->second : nullptr;
  };
  {
    const std::shared_lock lock(mutex);
    if (const auto known = found()) return *known;
  }
  const std::unique_lock lock(mutex);
  kept.try_emplace(title, folded(title));
  return *found();  // entries never move or leave
}

std::string percent_encoded(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain)
      out += c;
    else
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
  }
  return out;
}

std::optional<WallQuery::Show> read_show(std::string_view text) {
  if (text.empty()) return WallQuery::Show::all;
  if (text == "free") return WallQuery::Show::free;
  if (text == "taken") return WallQuery::Show::taken;
  return std::nullopt;
}

std::optional<size_t> read_page(std::string_view text) {
  size_t page = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), page);
  if (failed != std::errc() || end != text.data() + text.size() || page < 1 || page > kPageMax)
    return std::nullopt;
  return page - 1;
}

}  // namespace

std::optional<WallQuery> read_wall_query(std::string_view text) {
  WallQuery query;
  if (text.empty()) return query;
  try {
    for (auto& [name, value] : visitors::read_pairs(text, kPairsMax)) {
      if (name == "q") {
        while (value.starts_with(' ')) value.erase(0, 1);
        while (value.ends_with(' ')) value.pop_back();
        if (value.size() > kTitleQueryBytesMax || !folded(value)) return std::nullopt;
        query.title = std::move(value);
      } else if (name == "show") {
        const auto show = read_show(value);
        if (!show) return std::nullopt;
        query.show = *show;
      } else if (name == "page") {
        const auto page = read_page(value);
        if (!page) return std::nullopt;
        query.page = *page;
      } else if (name == "at") {
        query.at = std::move(value);
      }
    }
  } catch (const ParseError&) {
    return std::nullopt;
  }
  return query;
}

std::string wall_query_text(const WallQuery& query) {
  std::string out;
  if (!query.title.empty()) out += "&q=" + percent_encoded(query.title);
  if (query.show != WallQuery::Show::all)
    out += query.show == WallQuery::Show::free ? "&show=free" : "&show=taken";
  if (!out.empty()) out.front() = '?';
  return out;
}

std::vector<const gallery::Painting*> paintings_on(const Site& site,
                                                   const gallery::Gallery& gallery,
                                                   const gallery::Room& room,
                                                   const WallQuery& query) {
  const auto& wall = gallery.wall(room.slug);
  if (query.everything()) return wall;
  const std::string wanted = folded(query.title).value_or("");
  std::vector<const gallery::Painting*> found;
  for (const gallery::Painting* painting : wall) {
    if (query.show != WallQuery::Show::all) {
      const bool taken = gallery.claims().of_painting(painting->id).has_value();
      if (taken != (query.show == WallQuery::Show::taken)) continue;
    }
    if (!wanted.empty()) {
      const std::string* title = folded_title(title_of(site, gallery, *painting));
      if (!title || title->find(wanted) == std::string::npos) continue;
    }
    found.push_back(painting);
  }
  return found;
}

}  // namespace vernissage::web
