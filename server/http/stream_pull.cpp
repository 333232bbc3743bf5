#include "server/http/stream_pull.h"

#include "base/error.h"

namespace vernissage::http {

BodyStream::Deliver Pull::deliver() const {
  // Seen to the end by the last copy of the Deliver.
  struct Once {
    std::shared_ptr<Mailbox<Turn>> box;
    std::atomic<bool> used = false;
    ~Once() {
      if (!used) box->post({Turn::dropped, {}});
    }
  };
  auto once = std::make_shared<Once>();
  once->box = box;
  return [once](std::optional<std::string> bytes) {
    const bool used_before = once->used.exchange(true);
    VERNISSAGE_ASSERT(!used_before);
    once->box->post(bytes ? Turn{Turn::piece, std::move(*bytes)} : Turn{Turn::end, {}});
  };
}

}  // namespace vernissage::http
