#include "server/gallery/owner_picture_worker.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <set>

namespace vernissage::gallery {

// What the worker's thread, the claims' listener and the callbacks share.
struct OwnerPictureWorker::State {
  std::mutex mutex;  // guards all below
  std::condition_variable changed;
  bool look = true;    // something may be due: at the start, whatever a crash left undone
  bool again = false;  // something was refused or has failed
  bool closing = false;
  std::set<std::string> on_their_way;  // painting ids
};

OwnerPictureWorker::OwnerPictureWorker(Claims& claims, Parts parts)
    : claims_(claims), parts_(std::move(parts)), state_(std::make_shared<State>()) {
  claims_.listen([state = state_](const PublicClaim&) {
    const std::lock_guard lock(state->mutex);
    state->look = true;
    state->changed.notify_all();
  });
  thread_ = std::thread([this] { run(); });
}

OwnerPictureWorker::~OwnerPictureWorker() {
  stop();
}

void OwnerPictureWorker::stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
    state_->changed.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [this] { return state_->on_their_way.empty(); });
}

void OwnerPictureWorker::run() {
  while (true) {
    {
      std::unique_lock lock(state_->mutex);
      const auto is_called = [this] { return state_->look || state_->closing; };
      state_->changed.wait(lock, [&] { return is_called() || state_->again; });
      // What was refused or failed is not asked for at once: nothing will have changed by then.
      if (!is_called()) state_->changed.wait_for(lock, parts_.retry, is_called);
      if (state_->closing) return;
      state_->look = state_->again = false;
    }
    bool all = false;
    try {
      all = ask_for_all();
    } catch (const std::exception& exception) {
      parts_.on_trouble(exception.what());
    }
    if (all) continue;
    const std::lock_guard lock(state_->mutex);
    state_->again = true;
  }
}

// False: one was refused.
bool OwnerPictureWorker::ask_for_all() {
  for (const Painting* painting : claims_.pictures_due()) {
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->closing || !state_->on_their_way.insert(painting->id).second) continue;
    }
    const auto arrived = [state = state_, id = painting->id](bool stored) {
      const std::lock_guard lock(state->mutex);
      state->on_their_way.erase(id);
      state->again = state->again || !stored;
      state->changed.notify_all();
    };
    if (!parts_.paint(*painting, arrived)) {
      arrived(false);
      return false;
    }
  }
  return true;
}

}  // namespace vernissage::gallery
