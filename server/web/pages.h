// The pages: a gallery's things said in HTML. Functions of the gallery as it is at this moment, in
// the language of the site's visit; nothing of HTTP.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/gallery/gallery.h"
#include "server/web/site.h"
#include "server/web/wall.h"

namespace vernissage::web {

/// Addresses, said once.
std::string room_url(const std::string& slug);
/// The page of the room where this painting hangs, and its place there.
std::string hanging_url(const gallery::Painting& painting);
std::string painting_url(const std::string& id);
std::string preview_url(const std::string& id, int width, std::string_view extension);
std::string claim_url(const std::string& id);        // the page that asks "are you sure?"
std::string full_url(const std::string& id);         // the owner's picture
std::string certificate_url(const std::string& id);  // its certificate
std::string flow_url(const std::string& from, const std::string& to);
std::string drift_url(const std::string& from);
std::string print_url(uint32_t number, std::string_view extension);  // "jpg", or "png": all of it
inline constexpr char kClaimsUrl[] = "/claims";                      // where the form goes, by POST
inline constexpr char kMineUrl[] = "/mine";                          // the owner's page
inline constexpr char kStudioUrl[] = "/studio";
inline constexpr char kDriftUrl[] = "/drift";

/// The studio's prints are numbered 0 … kPrintsMax - 1.
inline constexpr uint32_t kPrintsMax = 1000000;

/// "Untitled No. 7, a painting in the room City": what is read out in place of the picture, in the
/// gallery's first language.
std::string alt_text(const gallery::Painting& painting, const gallery::Room& room);
/// The same in the visit's language.
std::string alt_text(const Site& site, const gallery::Gallery& gallery,
                     const gallery::Painting& painting);
/// The painting's bit in /api/v1/state.
int64_t place_of(const gallery::Gallery& gallery, const gallery::Painting& painting);

/// Whoever looks at a page.
struct Viewer {
  const gallery::Painting* owned = nullptr;  // theirs, if they have one
  bool flowing = false;  // asked, without a script, to see the painting turn into the next one
};

std::string entrance_page(const Site& site, const gallery::Gallery& gallery);
std::string room_page(const Site& site, const gallery::Gallery& gallery, const gallery::Room& room,
                      const WallQuery& query = {});
/// Of a painting's page: it turns into the next one. For browsers without scripts.
inline constexpr char kFlowQuery[] = "flow=next";
/// With the way to claim_url() where it is free and the viewer owns nothing.
std::string painting_page(const Site& site, const gallery::Gallery& gallery,
                          const gallery::Painting& painting, const Viewer& viewer = {});
/// The gallery drifting by, from one painting into the next.
std::string drift_page(const Site& site, const gallery::Gallery& gallery,
                       const gallery::Painting& painting);
/// `title` and `detail` are shown where the catalogue has no words for `status`.
std::string error_page(const Site& site, const gallery::Gallery& gallery, int status,
                       std::string_view title, std::string_view detail);

/// What the form of claim_page() carries besides the plaque: hidden fields `painting`, `token` and
/// `request`.
struct ClaimForm {
  std::string token;
  std::string request;      // the idempotency key: sent twice, it is one claim
  std::string plaque = {};  // what stood in the field when the form comes back with a `problem`
  std::string problem = {};
};

/// "This will be your only one": the form that takes `painting`, POSTed to kClaimsUrl with the
/// fields painting, plaque, request and token.
std::string claim_page(const Site& site, const gallery::Gallery& gallery,
                       const gallery::Painting& painting, const ClaimForm& form);
/// Somebody else was first; `similar` are free.
std::string taken_page(const Site& site, const gallery::Gallery& gallery,
                       const gallery::Painting& painting,
                       const std::vector<const gallery::Painting*>& similar);
/// The visitor wanted `wanted` but owns `owned`.
std::string already_own_page(const Site& site, const gallery::Gallery& gallery,
                             const gallery::Painting& wanted, const gallery::Painting& owned);
/// The owner's page: the picture, or word that it is being painted (the page asks again by itself).
std::string mine_page(const Site& site, const gallery::Gallery& gallery,
                      const gallery::Painting& owned);
/// For kMineUrl when there is nothing yet.
std::string nothing_mine_page(const Site& site, const gallery::Gallery& gallery);
/// `text`: the signed certificate, as it is to be kept and checked.
std::string certificate_page(const Site& site, const gallery::Gallery& gallery,
                             const gallery::Painting& painting, std::string_view text);

/// The studio: print `first` on a T-shirt, and those that follow it on the roll.
std::string studio_page(const Site& site, const gallery::Gallery& gallery, uint32_t first);

}  // namespace vernissage::web
