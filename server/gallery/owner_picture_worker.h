// Sees to it that every owner gets the picture: asks the render queue for what is owned and not yet
// in its file, after a claim, after a crash, after a failure, until it is there.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "server/gallery/claims.h"

namespace vernissage::gallery {

class OwnerPictureWorker {
 public:
  using Done = std::function<void(bool stored)>;
  struct Parts {
    /// Asks for the painting's full-size picture to be painted and given to
    /// Claims::store_picture(). True: `done` will be called once, on any thread, whatever became of
    /// it. False: not just now.
    std::function<bool(const Painting&, Done done)> paint;
    std::function<void(const std::string&)> on_trouble = [](const std::string&) {};
    std::chrono::milliseconds retry{1000};  // between two attempts at the same picture
  };

  OwnerPictureWorker(Claims& claims, Parts parts);
  /// As stop().
  ~OwnerPictureWorker();
  OwnerPictureWorker(const OwnerPictureWorker&) = delete;

  /// Asks for nothing more, and returns when nothing that was asked for is still on its way.
  void stop();

 private:
  struct State;
  void run();
  bool ask_for_all();

  Claims& claims_;
  const Parts parts_;
  std::shared_ptr<State> state_;  // shared with the claims' listener, which outlives the worker
  std::thread thread_;
};

}  // namespace vernissage::gallery
