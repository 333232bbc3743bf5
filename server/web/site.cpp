#include "server/web/site.h"

#include <fstream>
#include <set>
#include <sstream>

#include "engine/error.h"
#include "server/http/caching.h"
#include "server/web/embedded.h"

namespace vernissage::web {
namespace {

// What browsers may fetch, and as what. Templates are not among them.
const std::map<std::string, std::string, std::less<>> kAssets = {
    {"gallery.css", "text/css; charset=utf-8"},
    {"gallery.js", "text/javascript; charset=utf-8"},
    {"live.js", "text/javascript; charset=utf-8"},
    {"icon.svg", "image/svg+xml"},
};

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

Values& Values::text(const std::string& name, std::string_view value) {
  values_[name] = escaped(value);
  return *this;
}

Values& Values::number(const std::string& name, int64_t value) {
  values_[name] = std::to_string(value);
  return *this;
}

Values& Values::html(const std::string& name, const Html& value) {
  values_[name] = value.text;
  return *this;
}

Site::Site(std::optional<std::filesystem::path> root) : root_(std::move(root)) {
  for (const auto& file : embedded_files()) read(std::string(file.name));
  for (const auto& [name, media_type] : kAssets) {
    const std::string hashed = hashed_name(name, read(name));
    hashed_names_[name] = hashed;
    assets_by_hashed_name_[hashed] = name;
  }
}

std::string Site::read(const std::string& name) const {
  if (root_) {
    std::ifstream file(*root_ / name, std::ios::binary);
    std::stringstream bytes;
    if (!file || !(bytes << file.rdbuf()))
      throw Error((*root_ / name).string() + ": cannot be read");
    return bytes.str();
  }
  for (const auto& file : embedded_files())
    if (file.name == name) return std::string(file.bytes);
  throw Error(name + ": not among the embedded files");
}

Html Site::fill(const std::string& name, const Values& values) const {
  const std::string text = read(name);
  std::string out;
  std::set<std::string, std::less<>> used;
  for (size_t at = 0;;) {
    const size_t open = text.find("{{", at);
    out.append(text, at, open - at);
    if (open == std::string::npos) break;
    const size_t close = text.find("}}", open);
    if (close == std::string::npos) throw Error(name + ": {{ without }}");
    const std::string key = text.substr(open + 2, close - open - 2);
    const auto found = values.values_.find(key);
    if (found == values.values_.end()) throw Error(name + ": no value for {{" + key + "}}");
    out += found->second;
    used.insert(key);
    at = close + 2;
  }
  for (const auto& [key, value] : values.values_)
    if (!used.contains(key)) throw Error(name + ": has no {{" + key + "}}");
  return {out};
}

// gallery.css → gallery.<16 hex digits of its hash>.css
std::string Site::hashed_name(const std::string& name, std::string_view bytes) {
  const std::string hash = http::etag_of(bytes).substr(1, 16);
  const size_t dot = name.rfind('.');
  return name.substr(0, dot) + "." + hash + name.substr(dot);
}

std::string Site::asset_url(const std::string& name) const {
  return "/assets/" + (root_ ? hashed_name(name, read(name)) : hashed_names_.at(name));
}

std::optional<Asset> Site::asset(std::string_view wanted) const {
  if (root_) {
    for (const auto& [name, media_type] : kAssets)
      if (std::string bytes = read(name); hashed_name(name, bytes) == wanted)
        return Asset{std::move(bytes), media_type};
    return std::nullopt;
  }
  const auto found = assets_by_hashed_name_.find(wanted);
  if (found == assets_by_hashed_name_.end()) return std::nullopt;
  return plain_asset(found->second);
}

Asset Site::plain_asset(const std::string& name) const {
  return {read(name), kAssets.at(name)};
}

}  // namespace vernissage::web
