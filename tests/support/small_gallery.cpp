#include "tests/support/small_gallery.h"

#include <algorithm>
#include <cctype>
#include <regex>

#include "server/gallery/hang.h"
#include "server/gallery/secret.h"

namespace vernissage::testing {
namespace {

class ColourRenderer : public render::Renderer {
 public:
  explicit ColourRenderer(SmallGallery::OnPaint on_paint = {}) : on_paint_(std::move(on_paint)) {}
  std::string describe() const override { return "colours"; }
  int batch_max() const override { return 4; }
  std::vector<Image> paint(const std::vector<render::RenderSpec>& specs) override {
    if (on_paint_) on_paint_(specs.size());
    std::vector<Image> images;
    for (const render::RenderSpec& spec : specs)
      images.push_back({kSmallGallerySide, kSmallGallerySide, 3,
                        std::vector<uint8_t>(size_t{kSmallGallerySide} * kSmallGallerySide * 3,
                                             static_cast<uint8_t>(40 + spec.first * 7))});
    return images;
  }

 private:
  SmallGallery::OnPaint on_paint_;
};

}  // namespace

SmallGallery::SmallGallery(visitors::VisitorSettings settings, OnPaint on_paint) {
  namespace g = vernissage::gallery;
  const auto path = directory_.path();
  const auto key = g::GalleryKey::create(path / "gallery.key");
  save_network(path / "generator.safetensors", tiny_network(256));
  g::GalleryConfig config;
  config.name = "Small";
  config.generator = "generator.safetensors";
  config.resolution = kSmallGallerySide;
  config.untrained = true;
  config.rooms = g::default_rooms();
  g::save_config(path / "gallery.toml", config);
  std::vector<g::Painting> paintings;
  for (const g::Room& room : config.rooms)
    for (int i = 0; i < kSmallGalleryPerRoom; ++i)
      paintings.push_back(
          {g::random_id(), room.slug, i, "Work " + std::to_string(i), paintings.size()});
  g::open_sqlite_store(path / "gallery.db", true)->hang(paintings);
  gallery_ = std::make_unique<g::Gallery>(path);

  render::RenderQueue::Parts parts;
  parts.make_renderer = [on_paint] { return std::make_unique<ColourRenderer>(on_paint); };
  std::promise<void> loaded;
  parts.on_ready = [&loaded](const render::Renderer&) { loaded.set_value(); };
  queue_ = std::make_unique<render::RenderQueue>(std::move(parts), render::RenderLimits{});
  loaded.get_future().wait();
  pictures_ = std::make_unique<render::Pictures>(*gallery_, *queue_, render::Pictures::Limits{},
                                                 [](const std::string&) {});
  set_rules(std::move(settings));
}

SmallGallery::~SmallGallery() = default;

void SmallGallery::set_rules(visitors::VisitorSettings settings) {
  app_.reset(new http::App{.gallery = *gallery_,
                           .site = site_,
                           .queue = *queue_,
                           .pictures = *pictures_,
                           .visitors = {gallery_->directory(), std::move(settings)}});
}

http::Response SmallGallery::ask(const http::Request& request) {
  std::promise<http::Response> promise;
  http::answer(*app_, request, http::Reply([&promise](http::Response response) {
    promise.set_value(std::move(response));
  }));
  return promise.get_future().get();
}

void SmallGallery::store_picture(const vernissage::gallery::Painting& painting) {
  gallery_->claims().store_picture(
      painting, ColourRenderer().paint({render::RenderSpec::painting(painting.candidate)}).front());
}

http::Request request_for(const std::string& method, const std::string& path,
                          std::vector<http::Field> fields, std::string body) {
  http::Request request;
  request.method = method;
  const size_t question = std::min(path.find('?'), path.size());
  request.path = path.substr(0, question);
  if (question < path.size()) request.query = path.substr(question + 1);
  request.fields = std::move(fields);
  request.fields.emplace_back("Host", "gallery.example");
  request.body = std::move(body);
  request.id = "test";
  request.peer = "203.0.113.7";
  return request;
}

http::Response Browser::send(http::Request request) {
  request.peer = peer_;
  if (!cookie.empty()) request.fields.emplace_back("Cookie", cookie);
  http::Response response = gallery_.ask(request);
  if (const auto set = response.field("Set-Cookie")) cookie = set->substr(0, set->find(';'));
  return response;
}

http::Response Browser::get(const std::string& path, std::vector<http::Field> fields,
                            const std::string& method) {
  return send(request_for(method, path, std::move(fields)));
}

http::Response Browser::claim(const std::string& painting, const std::string& plaque,
                              std::vector<http::Field> fields) {
  if (cookie.empty()) get("/api/v1/me");
  fields.emplace_back("Content-Type", "application/json");
  return send(request_for("POST", "/api/v1/claims", std::move(fields),
                          "{\"painting\":\"" + painting + "\",\"plaque\":\"" + plaque + "\"}"));
}

http::Response Browser::claim_by_form(const std::string& painting, const std::string& plaque,
                                      std::vector<http::Field> fields) {
  const std::string page = get("/paintings/" + painting + "/claim").body;
  fields.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  return send(request_for("POST", "/claims", std::move(fields),
                          form_text({{"painting", hidden_field(page, "painting")},
                                     {"token", hidden_field(page, "token")},
                                     {"request", hidden_field(page, "request")},
                                     {"plaque", plaque}})));
}

std::string hidden_field(const std::string& page, const std::string& name) {
  const std::regex field("<input type=\"hidden\" name=\"" + name + "\" value=\"([^\"]*)\"");
  std::smatch match;
  return std::regex_search(page, match, field) ? match[1].str() : "";
}

std::string form_text(const std::vector<std::pair<std::string, std::string>>& pairs) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  const auto append = [&out](const std::string& text) {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (std::isalnum(byte)) {
        out += c;
      } else {
        out += '%';
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
      }
    }
  };
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out += '&';
    append(name);
    out += '=';
    append(value);
  }
  return out;
}

}  // namespace vernissage::testing
