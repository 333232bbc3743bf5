// The site's files. Goal: pages can be said in every language there is, visitors get the one they
// ask for, what a first visit fetches stays small, and a wall is asked for in one way. Method: the
// embedded catalogues against each other and against the templates that quote them; the choice of a
// language and the reading of a wall's query by example; sizes after the compression that a proxy
// applies (zlib at its strongest, which stands for gzip).
#include <gtest/gtest.h>
#include <zlib.h>

#include <regex>
#include <set>

#include "base/error.h"
#include "server/web/embedded.h"
#include "server/web/site.h"
#include "server/web/wall.h"

namespace vernissage::web {
namespace {

constexpr size_t kScriptBytesMax = 30 << 10;
constexpr size_t kStyleBytesMax = 14 << 10;

size_t compressed_size(std::string_view bytes) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  EXPECT_EQ(compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                      reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(), 9),
            Z_OK);
  return size;
}

// Each file is fetched, and so compressed, by itself.
size_t compressed_sizes(std::string_view folder) {
  size_t sum = 0;
  for (const EmbeddedFile& file : embedded_files())
    if (file.name.starts_with(folder)) sum += compressed_size(file.bytes);
  return sum;
}

std::set<std::string> placeholders(const std::string& text) {
  std::set<std::string> found;
  const std::regex brace("\\{[a-z]+\\}");
  for (std::sregex_iterator at(text.begin(), text.end(), brace), end; at != end; ++at)
    found.insert(at->str());
  return found;
}

TEST(WebFiles, AllScriptsTogetherStayWithinThirtyKibibytes) {
  const size_t size = compressed_sizes("js/");
  EXPECT_GT(size, 1000u) << "the scripts are there";
  EXPECT_LE(size, kScriptBytesMax);
}

TEST(WebFiles, AllStylesTogetherStayWithinFourteenKibibytes) {
  const size_t size = compressed_sizes("css/");
  EXPECT_GT(size, 1000u) << "the styles are there";
  EXPECT_LE(size, kStyleBytesMax);
}

TEST(WebFiles, NoScriptOrStyleNamesAnotherSite) {
  for (const EmbeddedFile& file : embedded_files()) {
    if (!file.name.starts_with("js/") && !file.name.starts_with("css/")) continue;
    const std::string code =
        std::regex_replace(std::string(file.bytes), std::regex("// [^\n]*"), "");
    EXPECT_EQ(code.find("://"), std::string::npos) << file.name;
    EXPECT_EQ(code.find("innerHTML"), std::string::npos) << file.name;
    EXPECT_EQ(code.find("@import"), std::string::npos) << file.name;
  }
}

TEST(WebFiles, EveryCatalogueSaysTheSameThings) {
  const Site site;
  const auto& english = site.at({"en"}).words().all();
  for (const Language& language : languages()) {
    const auto& texts = site.at({language.code}).words().all();
    EXPECT_EQ(texts.size(), english.size()) << language.name;
    for (const auto& [key, text] : english) {
      const auto found = texts.find(key);
      if (found == texts.end()) {
        ADD_FAILURE() << language.name << ": has no " << key;
        continue;
      }
      EXPECT_FALSE(found->second.empty()) << language.name << ": " << key;
      EXPECT_EQ(placeholders(found->second), placeholders(text)) << language.name << ": " << key;
    }
  }
}

TEST(WebFiles, TemplatesQuoteOnlyWhatTheCataloguesSay) {
  const Site site;
  const std::regex quote("\\{\\{=([^}]*)\\}\\}");
  for (const EmbeddedFile& file : embedded_files()) {
    const std::string text(file.bytes);
    if (!file.name.starts_with("pages/")) continue;
    for (std::sregex_iterator at(text.begin(), text.end(), quote), end; at != end; ++at)
      EXPECT_NO_THROW(site.words().say((*at)[1].str())) << file.name;
  }
}

TEST(WebFiles, ScriptsImportEachOtherByTheirHashedNames) {
  const Site site;
  const std::string url = site.asset_url("room.js");
  const auto room = site.asset(url.substr(std::string("/assets/").size()));
  ASSERT_TRUE(room.has_value());
  EXPECT_EQ(room->bytes.find("\"./"), std::string::npos);
  EXPECT_NE(room->bytes.find(site.asset_url("wall.js")), std::string::npos);
  EXPECT_FALSE(site.asset("room.js").has_value());
  EXPECT_FALSE(site.asset("../lang/en.txt").has_value());
}

TEST(Languages, AreChosenByAddressThenCookieThenBrowser) {
  EXPECT_EQ(choose_language("", "", ""), "en");
  EXPECT_EQ(choose_language("pt", "lang=ru", "ru"), "pt");
  EXPECT_EQ(choose_language("", "a=b; lang=ru", "pt"), "ru");
  EXPECT_EQ(choose_language("", "", "pt-BR,pt;q=0.9,en;q=0.8"), "pt");
  EXPECT_EQ(choose_language("", "", "en;q=0.5, RU;q=0.7"), "ru");
  EXPECT_EQ(choose_language("", "", "de, fr;q=0.9, pt;q=0.1"), "pt");
  EXPECT_EQ(choose_language("", "", "ru;q=0, pt;q=0"), "en");
  EXPECT_EQ(choose_language("", "", "ru;q=2, pt;level=1, *"), "en") << "what cannot be read";
  EXPECT_EQ(choose_language("xx", "lang=../etc", ",;,=;q"), "en");
}

TEST(Languages, CountThingsByTheirOwnRules) {
  const Site site;
  const auto count = [&](std::string_view language, int64_t n) {
    return site.at({language}).words().count("count.paintings", n);
  };
  EXPECT_EQ(count("en", 1), "1 painting");
  EXPECT_EQ(count("en", 0), "0 paintings");
  for (const int64_t n : {1, 21, 101}) EXPECT_EQ(count("ru", n), std::to_string(n) + " картина");
  for (const int64_t n : {2, 34, 102}) EXPECT_EQ(count("ru", n), std::to_string(n) + " картины");
  for (const int64_t n : {0, 5, 11, 12, 14, 111, 100})
    EXPECT_EQ(count("ru", n), std::to_string(n) + " картин");
}

TEST(Languages, GroupTheDigitsOfNumbersByTheirOwnRules) {
  const Site site;
  const auto number = [&](std::string_view language, int64_t n) {
    return site.at({language}).words().number(n);
  };
  EXPECT_EQ(number("en", 999), "999");
  EXPECT_EQ(number("en", 1000), "1,000");
  EXPECT_EQ(number("en", 1234567), "1,234,567");
  EXPECT_EQ(number("en", -1000), "-1,000");
  EXPECT_EQ(number("pt", 12000), "12.000");
  EXPECT_EQ(number("ru", 4000), "4\u00a0000");
  EXPECT_EQ(site.at({"ru"}).words().count("count.paintings", 1002), "1\u00a0002 картины");
}

TEST(Languages, CataloguesWithMistakesAreRefused) {
  EXPECT_THROW(Words("x", "en", "no equals sign"), Error);
  EXPECT_THROW(Words("x", "en", "a = 1\na = 2"), Error);
  const Words words("x", "en", "# a remark\n\na = b {n} {name}\r\n");
  EXPECT_EQ(words.say("a", {{"name", "{n}"}}), "b {n} {n}");
  EXPECT_THROW(words.say("b"), Error);
  EXPECT_THROW(Site().at({"xx"}), Error);
}

TEST(WallQueries, AreReadAndWrittenTheSameWay) {
  using Show = WallQuery::Show;
  EXPECT_TRUE(read_wall_query("")->everything());
  const auto query = read_wall_query("q=+Round+dance%21&show=taken&page=3&at=abc&lang=ru");
  ASSERT_TRUE(query.has_value());
  EXPECT_EQ(query->title, "Round dance!");
  EXPECT_EQ(query->show, Show::taken);
  EXPECT_EQ(query->page, 2u);
  EXPECT_EQ(query->at, "abc");
  const auto again = read_wall_query(wall_query_text(*query).substr(1));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->title, query->title);
  EXPECT_EQ(again->show, query->show);
  EXPECT_EQ(wall_query_text(WallQuery{}), "");
}

TEST(WallQueries, ThatCannotBeAreRefused) {
  for (const std::string text :
       {"show=all", "page=0", "page=-1", "page=x", "page=1x", "page=9999999999", "q=%ff", "q=%"})
    EXPECT_FALSE(read_wall_query(text).has_value()) << text;
  EXPECT_TRUE(read_wall_query("q=" + std::string(kTitleQueryBytesMax, 'a')).has_value());
  EXPECT_FALSE(read_wall_query("q=" + std::string(kTitleQueryBytesMax + 1, 'a')).has_value());
}

}  // namespace
}  // namespace vernissage::web
