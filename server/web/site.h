// The site's files: templates for the pages, and assets that browsers fetch. From the binary, or,
// while somebody works on them, from a directory.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vernissage::web {

/// Text that is HTML already. Everything else is escaped on its way into a page.
struct Html {
  std::string text;
};

/// & < > " ' as entities: safe between tags and inside quoted attributes.
std::string escaped(std::string_view text);

/// What a template's {{name}} stand for.
class Values {
 public:
  Values& text(const std::string& name, std::string_view value);
  Values& number(const std::string& name, int64_t value);
  Values& html(const std::string& name, const Html& value);

 private:
  friend class Site;
  std::map<std::string, std::string, std::less<>> values_;
};

struct Asset {
  std::string bytes;
  std::string media_type;
};

/// Const members may be called from several threads.
class Site {
 public:
  /// The embedded files, or those of `root`, read anew each time. Throws Error when one is missing.
  explicit Site(std::optional<std::filesystem::path> root = std::nullopt);

  /// The template `name` with every {{key}} replaced. Throws Error for a key without a value, and
  /// for a value without a key: both are mistakes in the page.
  Html fill(const std::string& name, const Values& values) const;

  /// "/assets/gallery.1a2b3c4d5e6f7a8b.css": the name changes with the content, so browsers may
  /// keep it for ever.
  std::string asset_url(const std::string& name) const;
  /// The asset of that address's last part; nothing for any other name.
  std::optional<Asset> asset(std::string_view hashed_name) const;
  /// By its plain name: for the icon, whose address is fixed.
  Asset plain_asset(const std::string& name) const;

 private:
  std::string read(const std::string& name) const;
  static std::string hashed_name(const std::string& name, std::string_view bytes);

  std::optional<std::filesystem::path> root_;
  std::map<std::string, std::string, std::less<>> assets_by_hashed_name_;  // to plain names
  std::map<std::string, std::string, std::less<>> hashed_names_;           // from plain names
};

}  // namespace vernissage::web
