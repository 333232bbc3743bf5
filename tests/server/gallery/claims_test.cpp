// Claims, certificates, owners' pictures, audit and backup, without HTTP. Goal: what an owner is
// promised holds after crashes and tampering, and says nothing of how the picture came about.
// Method: real galleries in temporary directories; damage done as an outsider would do it.
#include "server/gallery/claims.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <atomic>
#include <cmath>
#include <condition_variable>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "server/gallery/audit.h"
#include "server/gallery/backup.h"
#include "server/gallery/claim_log.h"
#include "server/gallery/gallery.h"
#include "server/gallery/hang.h"
#include "server/gallery/owner_picture_worker.h"
#include "server/gallery/plaque.h"
#include "server/gallery/secrecy.h"
#include "tests/support/tiny_network.h"

namespace vernissage::gallery {
namespace {

using testing::TemporaryDirectory;
using namespace std::chrono_literals;

std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void execute(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
}

// A picture that depends on the candidate, as painted ones do.
Image some_picture(uint64_t candidate) {
  Image image{256, 256, 3, {}};
  for (int i = 0; i < 256 * 256 * 3; ++i)
    image.pixels.push_back(
        static_cast<uint8_t>((i * 7 + i / 768 + static_cast<int>(candidate)) % 251));
  return image;
}

class ClaimsTest : public ::testing::Test {
 protected:
  ClaimsTest() {
    save_network(directory_ / "net.safetensors", testing::tiny_network(256));
    hang_gallery({directory_ / "net.safetensors", path(), "The <Gallery> & co", 8, 0.7f});
    gallery_.emplace(path());
  }
  std::filesystem::path path() const { return directory_ / "gallery"; }
  void reopen() {
    gallery_.reset();
    gallery_.emplace(path());
  }
  Claims& claims() { return gallery_->claims(); }
  const Painting& painting(size_t i) { return *gallery_->catalogue()[i]; }
  ClaimAnswer claim(size_t i, const std::string& visitor, const std::string& plaque = "") {
    return *claims().claim({painting(i).id, visitor, "", plaque});
  }
  void store_picture(size_t i) {
    claims().store_picture(painting(i), some_picture(painting(i).candidate));
  }
  std::filesystem::path file_of(size_t i, const std::string& visitor) {
    return path() / "owned" /
           (hex(sha256(claims().picture(visitor, painting(i).id)->bytes)) + ".png");
  }

  TemporaryDirectory directory_;
  std::optional<Gallery> gallery_;
};

// ---- rules

TEST_F(ClaimsTest, TheWinnerOwnsAndEverybodyKnows) {
  EXPECT_EQ(claims().of_visitor("anna"), std::nullopt);
  const ClaimAnswer won = claim(3, "anna", "Anna");
  EXPECT_EQ(won.result, ClaimResult::won);
  EXPECT_EQ(won.claim.sequence, 1);
  EXPECT_EQ(won.claim.plaque, "Anna");
  EXPECT_EQ(claims().of_visitor("anna"), won.claim);
  EXPECT_EQ(claims().of_painting(painting(3).id), won.claim);
  EXPECT_EQ(claim(3, "anna").result, ClaimResult::same);
  EXPECT_EQ(claim(3, "boris").result, ClaimResult::taken);
  EXPECT_EQ(claim(4, "anna").result, ClaimResult::already_own);
  reopen();
  EXPECT_EQ(claims().of_visitor("anna"), won.claim);
  EXPECT_EQ(claim(3, "boris").result, ClaimResult::taken);
  EXPECT_EQ(claim(4, "boris").result, ClaimResult::won);
}

TEST_F(ClaimsTest, WhatDoesNotHangCannotBeClaimed) {
  EXPECT_EQ(claims().claim({random_id(), "anna", "", ""}), std::nullopt);
  EXPECT_EQ(claims().claim({"", "anna", "", ""}), std::nullopt);
  EXPECT_EQ(claims().snapshot().sequence, 0);
}

TEST_F(ClaimsTest, LimitsOfAnAttemptAreKept) {
  const auto attempt = [&](size_t visitor, size_t key, const std::string& plaque) {
    return message_of([&] {
      claims().claim({painting(0).id, std::string(visitor, 'v'), std::string(key, 'k'), plaque});
    });
  };
  EXPECT_NE(attempt(0, 0, ""), "");
  EXPECT_NE(attempt(kVisitorBytesMax + 1, 0, ""), "");
  EXPECT_NE(attempt(1, kIdempotencyKeyBytesMax + 1, ""), "");
  EXPECT_NE(attempt(1, 0, std::string(kPlaqueBytesMax + 1, 'p')), "");
  EXPECT_NE(attempt(1, 0, "two\nlines"), "");
  EXPECT_EQ(claims().snapshot().sequence, 0);
  EXPECT_EQ(attempt(kVisitorBytesMax, kIdempotencyKeyBytesMax, std::string(kPlaqueBytesMax, 'p')),
            "");
  EXPECT_EQ(claims().snapshot().sequence, 1);
}

TEST(Plaque, NamesInAnyScriptButNothingThatMovesOtherText) {
  for (const char* name : {"", "Anna", "Анна Петрова", "安娜", "O'Brien <b>&", "\xF0\x9F\x8E\xA8"})
    EXPECT_TRUE(is_plaque(name)) << name;
  for (const char* name : {"a\nb", "a\tb", "\x7f", "\xC2\x85",
                           "\xE2\x80\xAE"
                           "evil",
                           "\xE2\x80\x8B", "\xE2\x81\xA6x", "\xEF\xBB\xBF", "\xE2\x80\xA8", "\xC3",
                           "\xC0\xAF", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE0\x80\xAF", "\x80"})
    EXPECT_FALSE(is_plaque(name)) << name;
  EXPECT_FALSE(is_plaque(std::string("a\0b", 3)));
}

TEST(Plaque, IsSomethingToSee) {
  for (const char* name : {" ", "\u00A0", "\u3000 ", "\u3164", "\uFFA0", "\u115F", "\u2800",
                           "\u00AD", "A\u00ADnna", "\U000E0041", "Anna\U000E0041", "\u034F",
                           "\uFE0F", "A\uFE0F", "\u180E", "\U0001D173", "\uFFFE", "\U0001FFFF"})
    EXPECT_FALSE(is_plaque(name)) << name;
  for (const char* name : {"\u2764\uFE0F", "\u2600\uFE0E Anna", "\U0001F3A8", "Jos\u00E9 \u3042"})
    EXPECT_TRUE(is_plaque(name)) << name;
}

TEST(Plaque, ForeignTextIsMadeFitForATerminal) {
  EXPECT_EQ(printable_text("Anna \u2764\uFE0F"), "Anna \u2764\uFE0F");
  EXPECT_EQ(printable_text("a\u009Bb\u202Ec\x1B[2Jd\u2066e\u00ADf"),
            "a\uFFFDb\uFFFDc\uFFFD[2Jd\uFFFDe\uFFFDf");
  EXPECT_EQ(printable_text("x\xC3\x28\xFF"), "x\uFFFD(\uFFFD");
}

TEST_F(ClaimsTest, NobodyOwnsAnythingWhileTheClockIsWrong) {
  EXPECT_TRUE(claims().is_clock_right());
  Claim later;
  later.painting = painting(0).id;
  later.visitor = sha256("somebody");
  later.time_ms = 4'000'000'000'000;  // 2096
  ASSERT_EQ(gallery_->store().claim(later), ClaimResult::won);
  reopen();
  EXPECT_FALSE(claims().is_clock_right());
  EXPECT_THROW(claim(1, "anna"), StoreUnavailable);
  EXPECT_EQ(claims().snapshot().sequence, 1);
  EXPECT_EQ(claim(0, "anna").result, ClaimResult::taken) << "what is settled needs no clock";
}

TEST_F(ClaimsTest, KeyNetworkAndStoreAreOfOneGallery) {
  const auto other = directory_ / "other";
  hang_gallery({directory_ / "net.safetensors", other, "Other", 8, 0.7f});
  const auto swapped = [&](const char* name) {
    gallery_.reset();
    const auto kept = directory_ / "kept";
    std::filesystem::rename(path() / name, kept);
    std::filesystem::copy_file(other / name, path() / name);
    const std::string served = message_of([&] { Gallery{path()}; });
    const std::string audited = message_of([&] { audit_gallery(path(), std::nullopt); });
    std::filesystem::remove(path() / name);
    std::filesystem::rename(kept, path() / name);
    return std::pair{served, audited};
  };
  const auto [key_served, key_audited] = swapped("gallery.key");
  EXPECT_TRUE(contains(key_served, "gallery.key: not this gallery's key")) << key_served;
  EXPECT_TRUE(contains(key_audited, "gallery.key: not this gallery's key")) << key_audited;
  save_network(other / "generator.safetensors", testing::tiny_network(128));
  EXPECT_TRUE(contains(swapped("generator.safetensors").first, "not this gallery's generator"));
  EXPECT_NO_THROW(reopen());
}

TEST_F(ClaimsTest, AStoreThatVanishesIsNotWrittenTo) {
  ASSERT_TRUE(gallery_->store().healthy());
  const auto away = directory_ / "away";
  std::filesystem::rename(path(), away);
  EXPECT_FALSE(gallery_->store().healthy());
  EXPECT_THROW(claim(0, "anna"), StoreUnavailable);
  std::filesystem::create_directory(path());
  std::filesystem::copy_file(away / "gallery.db", path() / "gallery.db");
  EXPECT_FALSE(gallery_->store().healthy()) << "a copy is not the file that is open";
  EXPECT_THROW(claim(0, "anna"), StoreUnavailable);
  std::filesystem::remove_all(path());
  std::filesystem::rename(away, path());
  EXPECT_TRUE(gallery_->store().healthy());
  EXPECT_EQ(claim(0, "anna").result, ClaimResult::won);
  reopen();
  EXPECT_EQ(claims().snapshot().sequence, 1);
}

TEST_F(ClaimsTest, AShortLockIsWaitedForAndALongOneIsNotReady) {
  sqlite3* shell = nullptr;
  ASSERT_EQ(sqlite3_open((path() / "gallery.db").c_str(), &shell), SQLITE_OK);
  const auto say = [&](const char* sql) {
    ASSERT_EQ(sqlite3_exec(shell, sql, nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(shell);
  };
  say("BEGIN IMMEDIATE");
  EXPECT_FALSE(gallery_->store().healthy());
  std::jthread release([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    say("ROLLBACK");
  });
  EXPECT_EQ(claim(0, "anna").result, ClaimResult::won);
  release.join();
  EXPECT_TRUE(gallery_->store().healthy());
  sqlite3_close(shell);
}

TEST_F(ClaimsTest, ASymbolicLinkLeadsToTheGallery) {
  gallery_.reset();
  std::filesystem::create_directory_symlink(path(), directory_ / "link");
  gallery_.emplace(directory_ / "link");
  EXPECT_EQ(claim(0, "anna").result, ClaimResult::won);
  EXPECT_TRUE(contains(message_of([&] { Gallery{path()}; }), "locked")) << "by either name";
  EXPECT_EQ(audit_gallery(directory_ / "link", std::nullopt).claims, 1);
  gallery_.reset();
  std::filesystem::rename(path() / "gallery.db", directory_ / "elsewhere.db");
  std::filesystem::create_symlink(directory_ / "elsewhere.db", path() / "gallery.db");
  EXPECT_NO_THROW(reopen());
}

TEST_F(ClaimsTest, AGalleryIsClosedToOthers) {
  namespace fs = std::filesystem;
  fs::permissions(path(), fs::perms(0755));
  fs::permissions(path() / "gallery.db", fs::perms(0644));
  const auto said = close_to_others(path());
  EXPECT_EQ(said.size(), 2u);
  EXPECT_EQ(fs::status(path()).permissions(), fs::perms(0700));
  EXPECT_EQ(fs::status(path() / "gallery.db").permissions(), fs::perms(0600));
  EXPECT_TRUE(close_to_others(path()).empty());
  gallery_.reset();
  hang_gallery({directory_ / "net.safetensors", directory_ / "fresh", "Fresh", 8, 0.7f});
  EXPECT_TRUE(close_to_others(directory_ / "fresh").empty()) << "from the beginning";
}

TEST_F(ClaimsTest, ARetryWithItsKeyHearsTheSameAnswer) {
  const auto attempt = [&](size_t i, const std::string& visitor, const std::string& key) {
    return claims().claim({painting(i).id, visitor, key, ""})->result;
  };
  EXPECT_EQ(attempt(0, "anna", "k1"), ClaimResult::won);
  EXPECT_EQ(attempt(0, "anna", "k1"), ClaimResult::same);
  EXPECT_EQ(attempt(0, "boris", "k2"), ClaimResult::taken);
  EXPECT_EQ(attempt(1, "boris", "k3"), ClaimResult::won);
  // Boris owns by now; the retry of his first attempt is still told what it was told.
  EXPECT_EQ(attempt(0, "boris", "k2"), ClaimResult::taken);
  EXPECT_EQ(attempt(0, "boris", "k4"), ClaimResult::already_own);
  // A key is its visitor's own: another's says nothing.
  EXPECT_EQ(attempt(0, "clara", "k1"), ClaimResult::taken);
  reopen();
  EXPECT_EQ(attempt(0, "anna", "k1"), ClaimResult::same);
}

TEST_F(ClaimsTest, SnapshotAndEventsAgree) {
  std::vector<PublicClaim> heard;
  claims().listen([&](const PublicClaim& claim) { heard.push_back(claim); });
  const size_t order[] = {5, 0, 31, 8};
  for (const size_t i : order) claim(i, "visitor " + std::to_string(i));
  claim(5, "late");
  const Snapshot snapshot = claims().snapshot();
  EXPECT_EQ(snapshot.sequence, 4);
  EXPECT_EQ(snapshot.count, 32u);
  ASSERT_EQ(snapshot.bitmap.size(), 4u);
  for (size_t i = 0; i < 32; ++i)
    EXPECT_EQ((snapshot.bitmap[i / 8] >> (i & 7)) & 1,
              std::count(std::begin(order), std::end(order), i))
        << i;
  const auto all = claims().since(0, 100);
  EXPECT_EQ(heard, all);
  ASSERT_EQ(all.size(), 4u);
  for (size_t n = 0; n < 4; ++n) {
    EXPECT_EQ(all[n].sequence, static_cast<int64_t>(n) + 1);
    EXPECT_EQ(all[n].painting, painting(order[n]).id);
  }
  EXPECT_EQ(claims().since(1, 2), (std::vector{all[1], all[2]}));
  EXPECT_TRUE(claims().since(4, 10).empty());
  EXPECT_TRUE(claims().since(99, 10).empty());
  EXPECT_EQ(claims().since(-5, 10), all);
}

// ---- similar paintings

TEST_F(ClaimsTest, SimilarOnesAreFreeAndTheNearest) {
  // On a line: painting i lies at i².
  std::vector<float> points;
  for (size_t i = 0; i < 32; ++i) points.insert(points.end(), {static_cast<float>(i * i), 1.0f});
  claims().set_points(points);
  claim(10, "owner of 10");
  claim(9, "owner of 9");
  const ClaimAnswer taken = claim(10, "anna");
  ASSERT_EQ(taken.result, ClaimResult::taken);
  std::vector<size_t> expected = {11, 8, 12, 7, 6};  // 21, 36, 44, 51, 64; 9 is taken
  ASSERT_EQ(taken.similar.size(), expected.size());
  for (size_t n = 0; n < expected.size(); ++n)
    EXPECT_EQ(taken.similar[n], &painting(expected[n])) << n;
  EXPECT_TRUE(claim(3, "anna").similar.empty()) << "won: nothing to console about";
}

TEST_F(ClaimsTest, WithoutPointsSimilarMeansNearOnTheWall) {
  claim(2, "owner");
  const ClaimAnswer taken = claim(2, "anna");
  std::vector<size_t> expected = {3, 1, 4, 0, 5};
  ASSERT_EQ(taken.similar.size(), expected.size());
  for (size_t n = 0; n < expected.size(); ++n) EXPECT_EQ(taken.similar[n], &painting(expected[n]));
}

// Against the plain definition, with more taken around the point than the list kept of it holds.
TEST(Similar, FindsTheNearestFreeOnesHoweverManyAreTaken) {
  constexpr size_t kCount = 500, kDimensions = 7;
  std::vector<float> points;
  uint32_t state = 1;
  for (size_t i = 0; i < kCount * kDimensions; ++i) {
    state = state * 1664525u + 1013904223u;
    points.push_back(static_cast<float>(state >> 8));
  }
  Similar similar;
  EXPECT_TRUE(similar.nearest(0, 5, [](size_t) { return true; }).empty());
  EXPECT_THROW(similar.set_points(points, kCount - 1), Error);
  similar.set_points(points, kCount);
  const auto distance = [&](size_t a, size_t b) {
    double sum = 0;
    for (size_t d = 0; d < kDimensions; ++d)
      sum += std::pow(double{points[a * kDimensions + d]} - points[b * kDimensions + d], 2);
    return sum;
  };
  for (const size_t modulus : {1, 2, 50, 400}) {
    const auto is_free = [&](size_t i) { return i % modulus == 0; };
    for (const size_t index : {0u, 17u, 499u}) {
      std::vector<size_t> expected;
      for (size_t i = 0; i < kCount; ++i)
        if (i != index && is_free(i)) expected.push_back(i);
      std::sort(expected.begin(), expected.end(),
                [&](size_t a, size_t b) { return distance(index, a) < distance(index, b); });
      if (expected.size() > 5) expected.resize(5);
      EXPECT_EQ(similar.nearest(index, 5, is_free), expected) << modulus << " " << index;
    }
  }
}

// ---- certificates

Certificate some_certificate() {
  Certificate certificate;
  certificate.gallery = "Gallery";
  certificate.painting = random_id();
  certificate.title = "Round dance";
  certificate.owner = "Анна";
  certificate.claim = 17;
  certificate.time_ms = 1590000000123;
  certificate.log = sha256("log");
  certificate.pixels = sha256("pixels");
  certificate.network = sha256("network");
  return certificate;
}

TEST(Certificates, ReadBackAsSignedAndEveryChangedByteIsNoticed) {
  const TemporaryDirectory directory;
  const Signer signer(GalleryKey::create(directory / "key"));
  const Certificate certificate = some_certificate();
  const std::string text = signer.sign(certificate);
  EXPECT_EQ(signer.sign(certificate), text);
  const ReadCertificate read = read_certificate(text);
  EXPECT_EQ(read.certificate, certificate);
  EXPECT_EQ(read.key, signer.public_key());
  EXPECT_TRUE(contains(text, "claimed: 2020-05-20T18:40:00.123Z\n")) << text;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_THROW(read_certificate(changed), Error) << "byte " << i;
  }
  for (size_t size = 0; size < text.size(); ++size)
    EXPECT_THROW(read_certificate(std::string_view(text).substr(0, size)), Error);
  EXPECT_THROW(read_certificate(text + "\n"), Error);
}

TEST(Certificates, ForeignTextStaysOnItsLine) {
  const TemporaryDirectory directory;
  const Signer signer(GalleryKey::create(directory / "key"));
  Certificate certificate = some_certificate();
  certificate.owner = "x\nclaim: 1\r\0";
  certificate.title = "a\tb";
  const ReadCertificate read = read_certificate(signer.sign(certificate));
  EXPECT_EQ(read.certificate.owner, "x claim: 1 ");
  EXPECT_EQ(read.certificate.title, "a b");
  EXPECT_EQ(read.certificate.claim, 17);
}

// RFC 8032, section 7.1, gives the key pair of a seed; ours is drawn, so the check is of the
// relation: another gallery's key does not verify.
TEST(Certificates, AnotherGallerysSignatureIsItsOwn) {
  const TemporaryDirectory directory;
  const GalleryKey key = GalleryKey::create(directory / "one");
  const Signer one(key), again(GalleryKey::load(directory / "one"));
  const Signer two(GalleryKey::create(directory / "two"));
  EXPECT_EQ(one.public_key(), again.public_key());
  EXPECT_NE(one.public_key(), two.public_key());
  std::string text = one.sign(some_certificate());
  const size_t at = text.find("key: ") + 5;
  text.replace(at, 64, hex(two.public_key()));
  EXPECT_TRUE(contains(message_of([&] { read_certificate(text); }), "signature"));
}

// ---- owners' pictures

TEST_F(ClaimsTest, TheOwnersPictureIsForTheOwnerAlone) {
  claim(3, "anna", "Anna");
  EXPECT_FALSE(claims().picture("anna", painting(3).id)) << "not painted yet";
  EXPECT_FALSE(claims().picture_ready(painting(3).id));
  EXPECT_EQ(claims().pictures_due(), std::vector{&painting(3)});
  store_picture(3);
  EXPECT_TRUE(claims().picture_ready(painting(3).id));
  EXPECT_TRUE(claims().pictures_due().empty());
  const auto file = claims().picture("anna", painting(3).id);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->sha256, hex(sha256(file->bytes)));
  claim(4, "boris");
  store_picture(4);
  EXPECT_FALSE(claims().picture("boris", painting(3).id));
  EXPECT_FALSE(claims().picture("", painting(3).id));
  EXPECT_FALSE(claims().picture("anna", painting(4).id));
  EXPECT_FALSE(claims().picture("anna", painting(5).id));
  EXPECT_FALSE(claims().picture("anna", "../gallery.key"));
  EXPECT_THROW(store_picture(5), Error) << "nobody's";

  const std::vector<uint8_t> png(file->bytes.begin(), file->bytes.end());
  const ReadCertificate read = verify_png(png);
  EXPECT_EQ(read.certificate.owner, "Anna");
  EXPECT_EQ(read.certificate.gallery, "The <Gallery> & co");
  EXPECT_EQ(read.certificate.title, painting(3).title);
  EXPECT_EQ(read.certificate.claim, 1);
  EXPECT_EQ(read.certificate.log, gallery_->store().claims_since(0)[0].hash);
  EXPECT_EQ(read.certificate.network, sha256(file_bytes(path() / "generator.safetensors")));
  EXPECT_EQ(read.key, claims().public_key());
  EXPECT_EQ(decode_png(png).pixels, some_picture(painting(3).candidate).pixels);
  EXPECT_TRUE(contains(file->bytes, kDigitalSourceType));
  EXPECT_TRUE(contains(file->bytes, *claims().certificate(painting(3).id)));
}

TEST_F(ClaimsTest, PaintedAgainItIsTheSameFile) {
  claim(3, "anna");
  store_picture(3);
  const std::string before = claims().picture("anna", painting(3).id)->bytes;
  const auto file = file_of(3, "anna");
  EXPECT_EQ(file_bytes(file), before);
  std::filesystem::remove(file);
  reopen();
  EXPECT_FALSE(claims().picture("anna", painting(3).id));
  EXPECT_EQ(claims().pictures_due(), std::vector{&painting(3)});
  store_picture(3);
  EXPECT_EQ(claims().picture("anna", painting(3).id)->bytes, before);
}

TEST_F(ClaimsTest, APictureWithItsPixelsChangedIsNotVerified) {
  claim(3, "anna");
  store_picture(3);
  const std::string bytes = claims().picture("anna", painting(3).id)->bytes;
  const std::vector<uint8_t> png(bytes.begin(), bytes.end());
  Image image = decode_png(png);
  const std::string certificate = *claims().certificate(painting(3).id);
  const Certificate content = read_certificate(certificate).certificate;
  EXPECT_NO_THROW(verify_png(certified_png(image, content, certificate)));
  image.pixels[1000] ^= 1;
  EXPECT_TRUE(contains(message_of([&] { verify_png(certified_png(image, content, certificate)); }),
                       "another"));
  EXPECT_TRUE(contains(message_of([&] { verify_png(encode_png(image)); }), "no certificate"));
  for (const size_t size : {0u, 8u, 40u, 1000u})
    EXPECT_THROW(verify_png(std::span(png).first(size)), Error) << size;
}

// ---- the worker

// Paints at once on a thread of its own, or refuses, or fails.
class FakeQueue {
 public:
  explicit FakeQueue(Claims& claims) : claims_(claims) {}
  bool paint(const Painting& painting, const OwnerPictureWorker::Done& done) {
    ++asked;
    if (refuse) return false;
    threads_.emplace_back([this, &painting, done] {
      if (!fail) claims_.store_picture(painting, some_picture(painting.candidate));
      done(!fail);
    });
    return true;
  }
  std::atomic<int> asked = 0;
  std::atomic<bool> refuse = false, fail = false;

 private:
  Claims& claims_;
  std::vector<std::jthread> threads_;
};

template <class Condition>
bool comes_true(const Condition& condition) {
  for (int i = 0; i < 6000; ++i, std::this_thread::sleep_for(10ms))
    if (condition()) return true;
  return false;
}

TEST_F(ClaimsTest, TheFramerSeesToEveryPictureThroughRefusalsAndFailures) {
  claim(1, "before the start");
  FakeQueue queue(claims());
  OwnerPictureWorker worker(claims(),
                            {[&](const Painting& painting, OwnerPictureWorker::Done done) {
                               return queue.paint(painting, std::move(done));
                             },
                             [](const std::string&) {}, 20ms});
  EXPECT_TRUE(comes_true([&] { return claims().picture_ready(painting(1).id); }));
  queue.refuse = true;
  claim(2, "refused at first");
  EXPECT_TRUE(comes_true([&] { return queue.asked >= 4; }));
  EXPECT_FALSE(claims().picture_ready(painting(2).id));
  queue.fail = true;
  queue.refuse = false;
  const int asked = queue.asked;
  EXPECT_TRUE(comes_true([&] { return queue.asked >= asked + 3; }));
  queue.fail = false;
  EXPECT_TRUE(comes_true([&] { return claims().picture_ready(painting(2).id); }));
  claim(3, "later");
  EXPECT_TRUE(comes_true([&] { return claims().picture_ready(painting(3).id); }));
  worker.stop();
  const int final_count = queue.asked;
  claim(4, "after the end");
  std::this_thread::sleep_for(60ms);
  EXPECT_EQ(queue.asked, final_count);
}

// ---- audit

class AuditTest : public ClaimsTest {
 protected:
  AuditTest() {
    for (size_t i = 0; i < 6; ++i) claim(i, "visitor " + std::to_string(i), "Plaque");
    for (size_t i = 0; i < 5; ++i) store_picture(i);
  }
  // Changes the closed database behind the store's back.
  void tamper(const std::string& sql) {
    gallery_.reset();
    execute(path() / "gallery.db",
            "DROP TRIGGER claim_is_final; DROP TRIGGER claim_is_kept;" + sql);
  }
  std::string fault(const std::optional<Digest>& head = std::nullopt) {
    return message_of([&] { audit_gallery(path(), head); });
  }
};

TEST_F(AuditTest, AWholeGalleryPassesBesideItsServer) {
  const Audit audit = audit_gallery(path(), std::nullopt);
  EXPECT_EQ(audit.claims, 6);
  EXPECT_EQ(audit.paintings, 32);
  EXPECT_EQ(audit.pictures, 5);
  EXPECT_EQ(audit.missing, std::vector<std::string>{painting(5).id});
  EXPECT_EQ(audit.key, claims().public_key());
  EXPECT_EQ(audit.head, gallery_->store().claims_since(0).back().hash);
  claim(10, "while audited");
  EXPECT_EQ(fault(audit.head), "") << "the log has grown, and still contains the noted head";
  EXPECT_TRUE(contains(fault(sha256("other")), "no entry has the hash"));
}

TEST_F(AuditTest, EveryKindOfTamperingWithTheLogIsFoundAndNotServed) {
  const std::string cases[] = {
      "UPDATE claim SET plaque = 'Mallory' WHERE number = 3",
      "UPDATE claim SET visitor = zeroblob(32) WHERE number = 3",
      "UPDATE claim SET request = zeroblob(32), time_ms = time_ms + 1 WHERE number = 3",
      "UPDATE claim SET time_ms = time_ms - 1 WHERE number = 6",
      "UPDATE claim SET hash = randomblob(32) WHERE number = 2",
      "UPDATE claim SET previous = randomblob(32) WHERE number = 1",
      "PRAGMA foreign_keys = OFF; DELETE FROM claim WHERE number = 3",
      "PRAGMA foreign_keys = OFF; UPDATE claim SET painting = (SELECT id FROM painting WHERE id "
      "NOT "
      "IN (SELECT painting FROM claim)) WHERE number = 4",
      "UPDATE claim SET number = 100 WHERE number = 6",
  };
  const std::string db = (gallery_.reset(), file_bytes(path() / "gallery.db"));
  for (const std::string& sql : cases) {
    write_bytes(path() / "gallery.db", db);
    ASSERT_EQ(fault(), "");
    tamper(sql);
    EXPECT_TRUE(contains(fault(), "claim log: entry")) << sql << ": " << fault();
    EXPECT_TRUE(contains(message_of([&] { Gallery{path()}; }), "claim log: entry")) << sql;
  }
}

// Cutting off the end leaves a sound chain: the owner's picture or a noted head give it away.
TEST_F(AuditTest, ALogThatWasCutShortIsFound) {
  const Digest head = gallery_->store().claims_since(0).back().hash;
  tamper("DELETE FROM claim WHERE number = 6");
  EXPECT_EQ(fault(), "") << "claim 6 had no picture: nothing is left to tell of it";
  EXPECT_TRUE(contains(fault(head), "no entry has the hash"));
  execute(path() / "gallery.db",
          "PRAGMA foreign_keys = OFF; DELETE FROM picture WHERE painting = (SELECT painting FROM "
          "claim WHERE number = 5); DELETE FROM claim WHERE number = 5");
  EXPECT_TRUE(contains(fault(), "which the claim log does not have")) << fault();
}

TEST_F(AuditTest, TheDatabaseItselfRefusesToChangeAClaim) {
  gallery_.reset();
  for (const char* sql : {"UPDATE claim SET plaque = 'x'", "DELETE FROM claim"}) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((path() / "gallery.db").c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_CONSTRAINT) << sql;
    sqlite3_close(database);
  }
}

TEST_F(AuditTest, AChangedPictureIsFoundByItsFile) {
  const auto file = file_of(2, "visitor 2");
  const std::string good = file_bytes(file);
  std::string bad = good;
  bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
  write_bytes(file, bad);
  EXPECT_TRUE(contains(fault(), file.string() + ": was changed")) << fault();
  write_bytes(file, good);
  EXPECT_EQ(fault(), "");
  // A whole picture under the wrong record.
  const std::string other = file_of(3, "visitor 3").stem();
  gallery_.reset();
  execute(path() / "gallery.db", "UPDATE picture SET sha256 = '" + other + "'");
  EXPECT_TRUE(contains(fault(), "which is of painting")) << fault();
}

// ---- backup

TEST_F(AuditTest, ABackupUnderLoadIsAWholeGalleryOfOneMoment) {
  std::atomic<bool> done = false;
  std::jthread load([&] {
    for (size_t i = 6; i < 32; ++i) {
      claim(i, "visitor " + std::to_string(i));
      if (i % 2 == 0) store_picture(i);
    }
    done = true;
  });
  int made = 0;
  while (!done || made == 0) {
    const auto out = directory_ / ("backup" + std::to_string(made++));
    const Audit audit = backup_gallery(path(), out);
    EXPECT_GE(audit.claims, 6);
    struct stat status {};
    ASSERT_EQ(::stat((out / "gallery.key").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
  }
  load.join();
  const auto all = gallery_->store().claims_since(0);
  const std::string public_key = hex(claims().public_key());
  for (int n = 0; n < made; ++n) {
    Gallery copy(directory_ / ("backup" + std::to_string(n)));  // served as any other
    const auto log = copy.store().claims_since(0);
    EXPECT_EQ(log, std::vector<Claim>(all.begin(), all.begin() + std::ssize(log)));
    EXPECT_EQ(hex(copy.claims().public_key()), public_key);
    EXPECT_EQ(copy.claims().picture("visitor 1", painting(1).id)->bytes,
              claims().picture("visitor 1", painting(1).id)->bytes);
    EXPECT_EQ(copy.claims().claim({painting(0).id, "late", "", ""})->result, ClaimResult::taken);
  }
  EXPECT_THROW(backup_gallery(path(), directory_ / "backup0"), Error);
  EXPECT_THROW(backup_gallery(directory_ / "nowhere", directory_ / "b"), Error);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "b"));
}

// ---- migration, one writer

TEST(Migration, AGalleryOfTheFirstSchemaIsBroughtUpToDate) {
  const TemporaryDirectory directory;
  const std::string id = random_id();
  execute(directory / "db", R"sql(
      CREATE TABLE painting (
        id        TEXT    PRIMARY KEY NOT NULL,
        room      TEXT    NOT NULL,
        position  INTEGER NOT NULL CHECK (position >= 0),
        title     TEXT    NOT NULL CHECK (title <> ''),
        candidate INTEGER NOT NULL UNIQUE CHECK (candidate >= 0),
        UNIQUE (room, position)
      ) STRICT;
      INSERT INTO painting VALUES (')sql" +
                                id + R"sql(', 'city', 0, 'Old', 7);
      PRAGMA user_version = 1)sql");
  EXPECT_TRUE(contains(message_of([&] { open_sqlite_reader(directory / "db"); }), "schema 1"));
  const auto store = open_sqlite_store(directory / "db", false);
  EXPECT_EQ(store->paintings(), (std::vector<Painting>{{id, "city", 0, "Old", 7}}));
  Claim wanted;
  wanted.painting = id;
  EXPECT_EQ(store->claim(wanted), ClaimResult::won);
}

TEST_F(ClaimsTest, OneProcessWritesTheOthersOnlyRead) {
  EXPECT_TRUE(contains(message_of([&] { Gallery{path()}; }), "locked"));
  Gallery reader(path(), Gallery::Access::read);
  EXPECT_THROW(reader.claims().claim({painting(0).id, "anna", "", ""}), Error);
  EXPECT_THROW(reader.store().record_picture({painting(0).id, std::string(64, 'a'), ""}), Error);
  EXPECT_EQ(reader.store().paintings(), gallery_->store().paintings());
}

}  // namespace
}  // namespace vernissage::gallery
