// The site's files: templates for the pages, words for them, and assets that browsers fetch. From
// the binary, or, while somebody works on them, from a directory. The templates are ours: every
// value is escaped and every name must exist, and they need neither loops nor conditions, for which
// alone a template engine would be worth its weight.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/web/words.h"

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

/// Who looks at a page, as far as its words go.
struct Visit {
  std::string_view language = "en";  // one of languages()
  std::string path = "/";            // of the page: where its links to other languages lead
  std::string query = {};            // of the page, as sent, without '?' and lang=
  std::string origin = {};           // "https://gallery.example" where it is known: for previews
};

/// Cheap to copy: the files are shared. Const members may be called from several threads.
class Site {
 public:
  /// The embedded files, or those of `root`, read anew each time. Throws Error when one is missing
  /// or a catalogue cannot be read.
  explicit Site(std::optional<std::filesystem::path> root = std::nullopt);

  /// The same site for this visit. Throws Error for a language without a catalogue.
  Site at(Visit visit) const;
  const Visit& visit() const { return visit_; }
  /// The catalogue of this visit's language.
  const Words& words() const { return *words_; }

  /// The template `name` with every {{key}} replaced, and every {{=key}} by what the catalogue says
  /// under it. Throws Error for a key without a value, and for a value without a key: both are
  /// mistakes in the page.
  Html fill(const std::string& name, const Values& values) const;

  /// "/assets/base.1a2b3c4d5e6f7a8b.css": the name changes with the content, so browsers may keep
  /// it for ever.
  std::string asset_url(const std::string& name) const;
  /// The asset of that address's last part; nothing for any other name.
  std::optional<Asset> asset(std::string_view hashed_name) const;
  /// By its plain name: for the icon, whose address is fixed.
  Asset plain_asset(const std::string& name) const;

 private:
  struct Files;
  std::shared_ptr<const Files> files_;
  Visit visit_;
  std::shared_ptr<const Words> words_;
};

}  // namespace vernissage::web
