#include "server/gallery/claims.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <fstream>
#include <sstream>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "server/gallery/claim_log.h"
#include "server/gallery/gallery.h"

namespace vernissage::gallery {
namespace {

// Answers remembered by idempotency key. What was won is in the log for ever; the others need only
// outlive a client's retries.
constexpr size_t kAnswersKeptMax = 10000;

// No clock is right before the day on which this program was configured to be built.
constexpr int64_t kBuiltMs = int64_t{VERNISSAGE_BUILD_DAY} * 86'400'000;
// How far the clock may be set back by what keeps it right.
constexpr int64_t kClockToleranceMs = 5000;

int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  if (!file) throw Error(path.string() + ": cannot be read");
  return std::move(bytes).str();
}

std::filesystem::path file_of(const Gallery& gallery, const OwnerPicture& picture) {
  return gallery.owned_path() / (picture.sha256 + ".png");
}

}  // namespace

// By painting, visitor and key.
struct Claims::Seen {
  using Question = std::tuple<std::string, Digest, Digest>;

  std::optional<ClaimAnswer> find(const Claim& wanted) const {
    const auto found = answers.find({wanted.painting, wanted.visitor, wanted.request});
    return found == answers.end() ? std::nullopt : std::optional(found->second);
  }
  void keep(const Claim& wanted, const ClaimAnswer& answer) {
    const Question question{wanted.painting, wanted.visitor, wanted.request};
    if (!answers.emplace(question, answer).second) return;
    oldest.push_back(question);
    if (oldest.size() <= kAnswersKeptMax) return;
    answers.erase(oldest.front());
    oldest.pop_front();
  }

  std::map<Question, ClaimAnswer> answers;  // without `similar`
  std::deque<Question> oldest;
};

Claims::Claims(Gallery& gallery)
    : gallery_(gallery),
      visitor_key_(gallery.key().derived("visitors")),
      signer_(gallery.key()),
      taken_((gallery.catalogue().size() + 7) / 8),
      seen_(std::make_shared<Seen>()) {
  for (size_t i = 0; i < gallery.catalogue().size(); ++i)
    index_.emplace(gallery.catalogue()[i]->id, i);
  const std::vector<Claim> log = gallery.store().claims_since(0);
  if (const LogVerdict verdict = check_log(log); verdict.fault)
    throw Error((gallery.directory() / "gallery.db").string() + ": claim log: " + *verdict.fault);
  for (const Claim& claim : log) {
    if (!gallery.painting(claim.painting))
      throw Error((gallery.directory() / "gallery.db").string() + ": claim " +
                  std::to_string(claim.number) + " is of painting " + claim.painting +
                  ", which does not hang here");
    learn(claim);
  }
  for (OwnerPicture& picture : gallery.store().pictures())
    pictures_.emplace(picture.painting, std::move(picture));
}

std::optional<ClaimAnswer> Claims::claim(const ClaimRequest& request) {
  if (!gallery_.painting(request.painting)) return std::nullopt;
  if (request.visitor.empty() || request.visitor.size() > kVisitorBytesMax)
    throw Error("visitor: expected 1 to " + std::to_string(kVisitorBytesMax) + " bytes, got " +
                std::to_string(request.visitor.size()));
  if (request.idempotency_key.size() > kIdempotencyKeyBytesMax)
    throw Error("idempotency key: expected at most " + std::to_string(kIdempotencyKeyBytesMax) +
                " bytes, got " + std::to_string(request.idempotency_key.size()));
  if (!is_plaque(request.plaque)) throw Error("plaque: not a name that may stand on a plaque");

  Claim wanted;
  wanted.painting = request.painting;
  wanted.visitor = hash_of(request.visitor);
  if (!request.idempotency_key.empty())
    wanted.request = hmac_sha256(visitor_key_, "request " + request.idempotency_key);
  wanted.plaque = request.plaque;

  std::optional<ClaimAnswer> answer = known(wanted);
  if (!answer) {
    // One at a time, as the store would do it anyway: who has lost meanwhile hears it from memory.
    const std::lock_guard claiming(claiming_mutex_);
    answer = known(wanted);
    // What is not settled yet is settled by the store, and there by its constraints.
    if (!answer) {
      wanted.time_ms = checked_time_ms();
      Claim entry = wanted;
      const ClaimResult result = gallery_.store().claim(entry);
      answer = ClaimAnswer{result, published(entry)};
      catch_up();
    }
  }
  if (!request.idempotency_key.empty() && answer->result != ClaimResult::won) {
    const std::lock_guard lock(mutex_);
    seen_->keep(wanted, *answer);
  }
  if (answer->result == ClaimResult::taken)
    answer->similar = similar_free(*gallery_.painting(answer->claim.painting));
  return answer;
}

bool Claims::is_clock_right() const {
  const std::lock_guard lock(mutex_);
  return now_ms() + kClockToleranceMs >= std::max(latest_ms_, kBuiltMs);
}

// A claim is signed with its time, and a name tag expires: one of 1970 is worth nothing to its
// owner once the clock is right.
int64_t Claims::checked_time_ms() const {
  if (!is_clock_right())
    throw StoreUnavailable(
        "the clock is wrong: it is before the newest claim, or before this program was built");
  return now_ms();
}

// Claims are for ever: whatever is known to be lost stays lost.
std::optional<ClaimAnswer> Claims::known(const Claim& wanted) const {
  const std::lock_guard lock(mutex_);
  if (auto before = seen_->find(wanted)) return before;
  if (const auto own = by_visitor_.find(wanted.visitor); own != by_visitor_.end()) {
    const ClaimResult result =
        own->second == wanted.painting ? ClaimResult::same : ClaimResult::already_own;
    return ClaimAnswer{result, published(by_painting_.find(own->second)->second)};
  }
  if (const auto owned = by_painting_.find(wanted.painting); owned != by_painting_.end())
    return ClaimAnswer{ClaimResult::taken, published(owned->second)};
  return std::nullopt;
}

// Reads what the log has and we have not (this claim, and any whose commit was reported as failed
// and was not), and tells the listeners.
void Claims::catch_up() {
  int64_t known_claims = 0;
  {
    const std::lock_guard lock(mutex_);
    known_claims = static_cast<int64_t>(order_.size());
  }
  const std::vector<Claim> fresh = gallery_.store().claims_since(known_claims);
  {
    const std::lock_guard lock(mutex_);
    for (const Claim& claim : fresh) learn(claim);
  }
  for (const Claim& claim : fresh)
    for (const Listener& listener : listeners_) listener(published(claim));
}

void Claims::learn(const Claim& claim) {
  VERNISSAGE_ASSERT_OP(claim.number, ==, static_cast<int64_t>(order_.size()) + 1);
  by_painting_.emplace(claim.painting, claim);
  by_visitor_.emplace(claim.visitor, claim.painting);
  order_.push_back(claim.painting);
  latest_ms_ = std::max(latest_ms_, claim.time_ms);
  const size_t index = index_.find(claim.painting)->second;
  taken_[index / 8] = static_cast<uint8_t>(taken_[index / 8] | 1u << (index & 7));
}

PublicClaim Claims::published(const Claim& claim) {
  return {claim.number, claim.painting, claim.plaque, claim.time_ms};
}

std::vector<const Painting*> Claims::similar_free(const Painting& painting) const {
  const auto& catalogue = gallery_.catalogue();
  const std::vector<uint8_t> taken = snapshot().bitmap;
  const auto is_free = [&](size_t i) { return ((taken[i / 8] >> (i & 7)) & 1) == 0; };
  const size_t index = index_.find(painting.id)->second;
  std::vector<const Painting*> similar;
  if (similar_.has_points()) {
    for (const size_t near : similar_.nearest(index, kSimilarMax, is_free))
      similar.push_back(catalogue[near]);
    return similar;
  }
  // Outwards along the wall.
  const auto on_this_wall = [&](size_t i) {
    return i < catalogue.size() && catalogue[i]->room == painting.room;
  };
  bool further = true;
  for (size_t step = 1; further && similar.size() < kSimilarMax; ++step) {
    further = false;
    for (const size_t i : {index + step, index - step}) {  // index - step < 0: a huge number
      if (!on_this_wall(i)) continue;
      further = true;
      if (is_free(i) && similar.size() < kSimilarMax) similar.push_back(catalogue[i]);
    }
  }
  return similar;
}

std::optional<PublicClaim> Claims::of_visitor(std::string_view visitor) const {
  const Digest hashed = hash_of(visitor);
  const std::lock_guard lock(mutex_);
  const auto own = by_visitor_.find(hashed);
  if (own == by_visitor_.end()) return std::nullopt;
  return published(by_painting_.find(own->second)->second);
}

std::optional<PublicClaim> Claims::of_painting(std::string_view painting) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_painting_.find(painting);
  return found == by_painting_.end() ? std::nullopt : std::optional(published(found->second));
}

Snapshot Claims::snapshot() const {
  const std::lock_guard lock(mutex_);
  return {static_cast<int64_t>(order_.size()), taken_, gallery_.catalogue().size()};
}

std::vector<PublicClaim> Claims::since(int64_t sequence, size_t count_max) const {
  const std::lock_guard lock(mutex_);
  std::vector<PublicClaim> claims;
  for (size_t i = static_cast<size_t>(std::max<int64_t>(sequence, 0));
       i < order_.size() && claims.size() < count_max; ++i)
    claims.push_back(published(by_painting_.find(order_[i])->second));
  return claims;
}

void Claims::listen(Listener listener) {
  const std::lock_guard lock(claiming_mutex_);
  listeners_.push_back(std::move(listener));
}

Digest Claims::hash_of(std::string_view visitor) const {
  return hmac_sha256(visitor_key_, "visitor " + std::string(visitor));
}

std::optional<Claims::PictureFile> Claims::picture(std::string_view visitor,
                                                   std::string_view painting) const {
  const auto own = of_visitor(visitor);
  if (!own || own->painting != painting) return std::nullopt;
  const auto recorded = recorded_picture(painting);
  if (!recorded) return std::nullopt;
  const auto path = file_of(gallery_, *recorded);
  if (!std::filesystem::exists(path)) return std::nullopt;
  return PictureFile{read_file(path), recorded->sha256};
}

std::optional<OwnerPicture> Claims::recorded_picture(std::string_view painting) const {
  const std::lock_guard lock(mutex_);
  const auto found = pictures_.find(painting);
  return found == pictures_.end() ? std::nullopt : std::optional(found->second);
}

bool Claims::picture_ready(std::string_view painting) const {
  const auto recorded = recorded_picture(painting);
  return recorded && std::filesystem::exists(file_of(gallery_, *recorded));
}

std::optional<std::string> Claims::certificate(std::string_view painting) const {
  const auto recorded = recorded_picture(painting);
  return recorded ? std::optional(recorded->certificate) : std::nullopt;
}

std::vector<const Painting*> Claims::pictures_due() const {
  std::vector<std::string> claimed;
  {
    const std::lock_guard lock(mutex_);
    claimed = order_;
  }
  std::vector<const Painting*> due;
  for (const std::string& id : claimed)
    if (!picture_ready(id)) due.push_back(gallery_.painting(id));
  return due;
}

void Claims::store_picture(const Painting& painting, const Image& image) {
  Certificate certificate;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_painting_.find(painting.id);
    if (found == by_painting_.end()) throw Error("painting " + painting.id + " has no owner");
    certificate.owner = found->second.plaque;
    certificate.claim = found->second.number;
    certificate.time_ms = found->second.time_ms;
    certificate.log = found->second.hash;
  }
  certificate.gallery = gallery_.config().name;
  certificate.painting = painting.id;
  certificate.title = painting.title;
  certificate.pixels = pixels_digest(image);
  certificate.network = network_digest();
  const std::string text = signer_.sign(certificate);
  const std::vector<uint8_t> bytes = certified_png(image, certificate, text);
  const OwnerPicture picture{painting.id, hex(sha256(as_text(bytes))), text};

  // The file first: what is recorded is there.
  std::error_code failed;
  std::filesystem::create_directory(gallery_.owned_path(), failed);
  if (failed) throw Error(gallery_.owned_path().string() + ": cannot be made: " + failed.message());
  write_file_atomically(file_of(gallery_, picture), bytes);
  if (recorded_picture(painting.id) == picture) return;
  gallery_.store().record_picture(picture);
  const std::lock_guard lock(mutex_);
  pictures_.insert_or_assign(painting.id, picture);
}

Digest Claims::network_digest() const {
  const std::lock_guard lock(network_mutex_);
  if (!network_digest_) network_digest_ = sha256_of_file(gallery_.generator_path());
  return *network_digest_;
}

void Claims::set_points(std::vector<float> points) {
  similar_.set_points(std::move(points), gallery_.catalogue().size());
}

}  // namespace vernissage::gallery
