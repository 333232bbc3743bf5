#include "server/gallery/framer.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <set>

namespace vernissage::gallery {

// What the framer's thread, the claims' listener and the callbacks share.
struct Framer::Desk {
  std::mutex mutex;  // guards all below
  std::condition_variable changed;
  bool look = true;    // something may be due: at the start, whatever a crash left undone
  bool again = false;  // something was refused or has failed
  bool closing = false;
  std::set<std::string> on_their_way;  // painting ids
};

Framer::Framer(Claims& claims, Parts parts)
    : claims_(claims), parts_(std::move(parts)), desk_(std::make_shared<Desk>()) {
  claims_.listen([desk = desk_](const PublicClaim&) {
    const std::lock_guard lock(desk->mutex);
    desk->look = true;
    desk->changed.notify_all();
  });
  thread_ = std::thread([this] { run(); });
}

Framer::~Framer() {
  stop();
}

void Framer::stop() {
  {
    const std::lock_guard lock(desk_->mutex);
    desk_->closing = true;
    desk_->changed.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  std::unique_lock lock(desk_->mutex);
  desk_->changed.wait(lock, [this] { return desk_->on_their_way.empty(); });
}

void Framer::run() {
  while (true) {
    {
      std::unique_lock lock(desk_->mutex);
      const auto is_called = [this] { return desk_->look || desk_->closing; };
      desk_->changed.wait(lock, [&] { return is_called() || desk_->again; });
      // What was refused or failed is not asked for at once: nothing will have changed by then.
      if (!is_called()) desk_->changed.wait_for(lock, parts_.retry, is_called);
      if (desk_->closing) return;
      desk_->look = desk_->again = false;
    }
    bool all = false;
    try {
      all = ask_for_all();
    } catch (const std::exception& exception) {
      parts_.on_trouble(exception.what());
    }
    if (all) continue;
    const std::lock_guard lock(desk_->mutex);
    desk_->again = true;
  }
}

// False: one was refused.
bool Framer::ask_for_all() {
  for (const Painting* painting : claims_.pictures_due()) {
    {
      const std::lock_guard lock(desk_->mutex);
      if (desk_->closing || !desk_->on_their_way.insert(painting->id).second) continue;
    }
    const auto arrived = [desk = desk_, id = painting->id](bool framed) {
      const std::lock_guard lock(desk->mutex);
      desk->on_their_way.erase(id);
      desk->again = desk->again || !framed;
      desk->changed.notify_all();
    };
    if (!parts_.paint(*painting, arrived)) {
      arrived(false);
      return false;
    }
  }
  return true;
}

}  // namespace vernissage::gallery
