// A gallery with everything behind its addresses but a socket and a network: pictures are plain
// colours, painted at once. For tests that call handlers like functions.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/gallery/claims.h"
#include "server/gallery/gallery.h"
#include "server/render/renderer.h"
#include "server/routes/routes.h"
#include "tests/support/tiny_network.h"

namespace vernissage::testing {

inline constexpr int kSmallGallerySide = 300;  // of the full-size pictures
inline constexpr int kSmallGalleryPerRoom = 8;

class SmallGallery {
 public:
  /// Called on the render thread before each batch.
  using OnPaint = std::function<void(size_t pictures)>;

  explicit SmallGallery(visitors::VisitorSettings settings = {}, OnPaint on_paint = {});
  ~SmallGallery();

  http::App& app() { return *app_; }
  render::RenderQueue& queue() { return *queue_; }
  gallery::Gallery& gallery() { return *gallery_; }
  const gallery::Painting& work(size_t i) { return *gallery_->wall("city")[i]; }

  /// Another set of rules about visitors, as after a restart with other flags.
  void set_rules(visitors::VisitorSettings settings);

  http::Response ask(const http::Request& request);
  /// What OwnerPictureWorker does: renders and stores the picture of a painting that is owned.
  void store_picture(const gallery::Painting& painting);

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<gallery::Gallery> gallery_;
  web::Site site_;
  std::unique_ptr<render::RenderQueue> queue_;
  std::unique_ptr<render::Pictures> pictures_;
  std::unique_ptr<http::App> app_;
};

/// "Host: gallery.example" and `fields`, from a machine of the outside world.
http::Request request_for(const std::string& method, const std::string& path,
                          std::vector<http::Field> fields = {}, std::string body = "");

/// A browser: keeps its cookie, says where it is.
class Browser {
 public:
  explicit Browser(SmallGallery& gallery, std::string peer = "203.0.113.7")
      : gallery_(gallery), peer_(std::move(peer)) {}

  http::Response get(const std::string& path, std::vector<http::Field> fields = {},
                     const std::string& method = "GET");
  /// POST /api/v1/claims, as our own pages' script does it. `fields` are added.
  http::Response claim(const std::string& painting, const std::string& plaque = "",
                       std::vector<http::Field> fields = {});
  /// Fetches the claim page, fills its form in and sends it.
  http::Response claim_by_form(const std::string& painting, const std::string& plaque = "",
                               std::vector<http::Field> fields = {});
  http::Response send(http::Request request);

  std::string cookie;  // "name=value"; empty: none

 private:
  SmallGallery& gallery_;
  std::string peer_;
};

/// The value of the hidden field `name` in a page; "" when there is none.
std::string hidden_field(const std::string& page, const std::string& name);
/// As application/x-www-form-urlencoded, everything but letters and digits encoded.
std::string form_text(const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace vernissage::testing
