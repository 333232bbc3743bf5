#include "server/web/site.h"

#include <fstream>
#include <set>
#include <sstream>

#include "base/error.h"
#include "server/http/caching.h"
#include "server/web/embedded.h"

namespace vernissage::web {
namespace {

// What browsers may fetch, by the folder it lies in. The rest (pages, lang) they may not.
struct Kind {
  std::string_view folder, extension, media_type;
};
constexpr Kind kKinds[] = {
    {"css/", ".css", "text/css; charset=utf-8"},
    {"js/", ".js", "text/javascript; charset=utf-8"},
    {"images/", ".svg", "image/svg+xml"},
    {"fonts/", ".woff2", "font/woff2"},
};

const Kind* kind_of(std::string_view name) {
  for (const Kind& kind : kKinds)
    if (name.ends_with(kind.extension)) return &kind;
  return nullptr;
}

// base.css → base.<16 hex digits of its hash>.css
std::string hashed_name(const std::string& name, std::string_view bytes) {
  const std::string hash = http::etag_of(bytes).substr(1, 16);
  const size_t dot = name.rfind('.');
  return name.substr(0, dot) + "." + hash + name.substr(dot);
}

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

struct Site::Files {
  std::optional<std::filesystem::path> root;
  std::map<std::string, Asset, std::less<>> assets;  // by hashed name; empty with a root
  std::map<std::string, std::string, std::less<>> hashed_names;
  std::map<std::string, std::shared_ptr<const Words>, std::less<>> words;  // by language

  std::string read(const std::string& path) const {
    if (root) {
      std::ifstream file(*root / path, std::ios::binary);
      std::stringstream bytes;
      if (!file || !(bytes << file.rdbuf()))
        throw Error((*root / path).string() + ": cannot be read");
      return bytes.str();
    }
    for (const auto& file : embedded_files())
      if (file.name == path) return std::string(file.bytes);
    throw Error(path + ": not among the embedded files");
  }

  std::string url(const std::string& name) const {
    const auto found = hashed_names.find(name);
    return "/assets/" + (found != hashed_names.end() && !root ? found->second
                                                              : hashed_name(name, bytes_of(name)));
  }

  // Modules name each other as "./live.js", a style its font as "./name.woff2"; what is sent names
  // what is kept for ever. Modules must not import each other in circles.
  std::string bytes_of(const std::string& name) const {
    const Kind* kind = kind_of(name);
    VERNISSAGE_ASSERT(kind != nullptr);
    std::string text = read(std::string(kind->folder) + name);
    if (kind->extension != ".js" && kind->extension != ".css") return text;
    constexpr std::string_view kMark = "\"./";
    for (size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + 1)) {
      const size_t end = text.find('"', at + 1);
      const std::string module = text.substr(at + kMark.size(), end - at - kMark.size());
      text.replace(at + 1, end - at - 1, url(module));
    }
    return text;
  }

  std::shared_ptr<const Words> words_in(std::string_view code) const {
    if (root) {
      const std::string path = "lang/" + std::string(code) + ".txt";
      return std::make_shared<Words>(path, code, read(path));
    }
    const auto found = words.find(code);
    if (found == words.end()) throw Error("no catalogue for the language " + std::string(code));
    return found->second;
  }
};

Site::Site(std::optional<std::filesystem::path> root) {
  auto files = std::make_shared<Files>();
  files->root = std::move(root);
  for (const auto& file : embedded_files()) {
    const std::string path(file.name);
    const std::string bytes = files->read(path);
    const std::string name = path.substr(path.rfind('/') + 1);
    if (const Kind* kind = kind_of(name); kind && path.starts_with(kind->folder) && !files->root) {
      Asset asset{files->bytes_of(name), std::string(kind->media_type)};
      const std::string hashed = hashed_name(name, asset.bytes);
      files->hashed_names[name] = hashed;
      files->assets[hashed] = std::move(asset);
    }
  }
  for (const Language& language : languages()) {
    const std::string path = "lang/" + std::string(language.code) + ".txt";
    files->words.emplace(language.code,
                         std::make_shared<Words>(path, language.code, files->read(path)));
  }
  words_ = files->words.at(std::string(visit_.language));
  files_ = std::move(files);
}

Site Site::at(Visit visit) const {
  Site site = *this;
  site.words_ = files_->words_in(visit.language);
  site.visit_ = std::move(visit);
  return site;
}

Html Site::fill(const std::string& name, const Values& values) const {
  const std::string text = files_->read("pages/" + name);
  std::string out;
  std::set<std::string, std::less<>> used;
  for (size_t at = 0;;) {
    const size_t open = text.find("{{", at);
    out.append(text, at, open - at);
    if (open == std::string::npos) break;
    const size_t close = text.find("}}", open);
    if (close == std::string::npos) throw Error(name + ": {{ without }}");
    const std::string key = text.substr(open + 2, close - open - 2);
    at = close + 2;
    if (key.starts_with('=')) {
      out += escaped(words_->say(std::string_view(key).substr(1)));
      continue;
    }
    const auto found = values.values_.find(key);
    if (found == values.values_.end()) throw Error(name + ": no value for {{" + key + "}}");
    out += found->second;
    used.insert(key);
  }
  for (const auto& [key, value] : values.values_)
    if (!used.contains(key)) throw Error(name + ": has no {{" + key + "}}");
  return {out};
}

std::string Site::asset_url(const std::string& name) const {
  return files_->url(name);
}

std::optional<Asset> Site::asset(std::string_view wanted) const {
  if (!files_->root) {
    const auto found = files_->assets.find(wanted);
    return found == files_->assets.end() ? std::nullopt : std::optional(found->second);
  }
  for (const auto& file : embedded_files()) {
    const std::string path(file.name);
    const std::string name = path.substr(path.rfind('/') + 1);
    const Kind* kind = kind_of(name);
    if (!kind || !path.starts_with(kind->folder)) continue;
    if (Asset asset = plain_asset(name); hashed_name(name, asset.bytes) == wanted) return asset;
  }
  return std::nullopt;
}

Asset Site::plain_asset(const std::string& name) const {
  return {files_->bytes_of(name), std::string(kind_of(name)->media_type)};
}

}  // namespace vernissage::web
