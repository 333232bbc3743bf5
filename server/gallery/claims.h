// One painting, one owner: the rules of claiming as the server's other parts use them. Reached by
// Gallery::claims().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "server/gallery/certificate.h"
#include "server/gallery/plaque.h"
#include "server/gallery/similar.h"
#include "server/gallery/store/store.h"
#include "server/images/images.h"

namespace vernissage::gallery {

class Gallery;

inline constexpr size_t kIdempotencyKeyBytesMax = 128;
inline constexpr size_t kVisitorBytesMax = 512;
inline constexpr size_t kSimilarMax = 5;

/// What a visitor asks for.
struct ClaimRequest {
  std::string painting;  // id
  std::string visitor;   // who: 1 … kVisitorBytesMax bytes; only a keyed hash is ever stored
  std::string idempotency_key;  // 0 … kIdempotencyKeyBytesMax bytes; empty: none
  std::string plaque;           // is_plaque()
};

/// A claim as everybody may know it.
struct PublicClaim {
  int64_t sequence = 0;  // 1, 2, 3 …: also the sequence number of events
  std::string painting;  // id
  std::string plaque;    // may be empty
  int64_t time_ms = 0;   // since 1970, UTC

  bool operator==(const PublicClaim&) const = default;
};

struct ClaimAnswer {
  ClaimResult result;
  PublicClaim claim;  // won, same, already_own: this visitor's; taken: the painting's
  std::vector<const Painting*> similar = {};  // taken: up to kSimilarMax free, the nearest first
};

/// What is taken, at one moment.
struct Snapshot {
  int64_t sequence = 0;         // of the last claim; 0: none yet
  std::vector<uint8_t> bitmap;  // bit i & 7 (1 << (i & 7)) of byte i / 8: Gallery::catalogue()[i]
  size_t count = 0;             // paintings, so bits
};

/// Safe to call from several threads.
class Claims {
 public:
  using Listener = std::function<void(const PublicClaim&)>;

  /// Reads and checks the log of gallery.store(); Gallery makes the one Claims there is. Throws
  /// Error when the log was tampered with.
  explicit Claims(Gallery& gallery);
  Claims(const Claims&) = delete;

  /// Nothing: no such painting. `won` is answered only after the commit. A retry with the same
  /// visitor, painting and idempotency key gives the same answer, save that `won` becomes `same`.
  /// Throws StoreUnavailable (503: nothing was claimed, or it will be `same` next time), Error when
  /// the request breaks its own rules (callers check first).
  std::optional<ClaimAnswer> claim(const ClaimRequest& request);
  /// False while the clock is before the newest claim or before this program was built, as it is on
  /// machines without a battery until they have asked the network: claims throw StoreUnavailable
  /// then.
  bool is_clock_right() const;

  std::optional<PublicClaim> of_visitor(std::string_view visitor) const;
  std::optional<PublicClaim> of_painting(std::string_view painting) const;

  /// Up to kSimilarMax free ones, the nearest first, without the painting itself.
  std::vector<const Painting*> similar_free(const Painting& painting) const;

  Snapshot snapshot() const;
  /// Claims sequence + 1 and on, at most `count_max`.
  std::vector<PublicClaim> since(int64_t sequence, size_t count_max) const;
  /// Called once for every claim from now on, in their order, by one thread at a time of those that
  /// claim: must not block, throw, claim or listen; may read. For the life of the gallery.
  void listen(Listener listener);

  struct PictureFile {
    std::string bytes;   // of the PNG
    std::string sha256;  // of `bytes` as they were written, in hex
  };
  /// The full-size picture, for its owner alone: who owns is looked at before any file is.
  /// Nothing: not the owner, no such painting, or not painted yet (picture_ready() tells).
  std::optional<PictureFile> picture(std::string_view visitor, std::string_view painting) const;
  bool picture_ready(std::string_view painting) const;
  /// The signed text; nothing until the picture is there.
  std::optional<std::string> certificate(std::string_view painting) const;
  /// Who signs: for those who check certificates.
  const PublicKey& public_key() const { return signer_.public_key(); }

  /// Paintings that are owned but whose picture is not in its file: won just now, lost in a crash,
  /// or deleted. In the order of their claims.
  std::vector<const Painting*> pictures_due() const;
  /// Signs, encodes, writes and records the full-size picture of a claimed painting. The same
  /// picture gives the same file. Throws Error.
  void store_picture(const Painting& painting, const Image& picture);

  /// Where each painting lies in some space, one row each in the order of Gallery::catalogue():
  /// from now on "similar" means near there. The curator's where a gallery has it, else w space (as
  /// secret as the latents, kept in memory only). Until then: near on the same wall.
  void set_points(std::vector<float> points);
  bool has_points() const { return similar_.has_points(); }

 private:
  struct Seen;  // answers by idempotency key

  static PublicClaim published(const Claim& claim);
  Digest hash_of(std::string_view visitor) const;
  Digest network_digest() const;
  std::optional<OwnerPicture> recorded_picture(std::string_view painting) const;
  std::optional<ClaimAnswer> known(const Claim& wanted) const;
  int64_t checked_time_ms() const;
  void catch_up();
  void learn(const Claim& claim);

  Gallery& gallery_;
  const Digest visitor_key_;
  const Signer signer_;
  Similar similar_;

  mutable std::mutex network_mutex_;              // guards network_digest_
  mutable std::optional<Digest> network_digest_;  // read when first needed: the file is large

  std::map<std::string, size_t, std::less<>> index_;  // of each painting in the catalogue

  std::mutex claiming_mutex_;        // held by whoever asks the store; taken before mutex_
  std::vector<Listener> listeners_;  // guarded by it

  mutable std::mutex
      mutex_;  // guards everything below; never held while a file or the store is used
  std::map<std::string, Claim, std::less<>> by_painting_;
  std::map<Digest, std::string> by_visitor_;  // to painting ids
  int64_t latest_ms_ = 0;                     // the newest time among the claims
  std::vector<std::string> order_;            // painting ids, by claim number
  std::vector<uint8_t> taken_;                // Snapshot::bitmap
  std::map<std::string, OwnerPicture, std::less<>> pictures_;
  std::shared_ptr<Seen> seen_;
};

}  // namespace vernissage::gallery
