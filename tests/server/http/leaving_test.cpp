// Visitors who leave before they were answered. Goal: what was to be painted for them alone is not
// painted, and what others want is. Method: the whole way from the socket to the queue, with a
// renderer that waits for the test; the queue says what is still wanted.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

#include "server/http/http_server.h"
#include "tests/support/child.h"
#include "tests/support/gate.h"
#include "tests/support/small_gallery.h"

namespace vernissage {
namespace {

using testing::Wire;

class Leaving : public ::testing::Test {
 protected:
  Leaving() {
    http::HttpServer::Parts parts;
    parts.handle = [this](const http::Request& request, http::Reply reply) {
      http::answer(gallery_.app(), request, std::move(reply));
    };
    parts.refuse = [this](const http::Refusal& refusal, const std::string& id) {
      return http::refuse(gallery_.app(), refusal, id);
    };
    parts.on_answered = [](const http::Request&, int, size_t, double) {};
    parts.on_trouble = [](const std::string&) {};
    server_.emplace("127.0.0.1", uint16_t{0}, std::move(parts));
    server_->start(1);
    // The renderer has something on the easel, and will not look up before the test lets it.
    first_.emplace(endpoint());
    first_->ask("GET", preview("city", 0));
    gate_.await_arrivals(1);
  }
  ~Leaving() override { gate_.open(); }

  std::string endpoint() const { return "127.0.0.1:" + std::to_string(server_->port()); }
  std::string preview(const std::string& room, size_t place) {
    return "/paintings/" + gallery_.gallery().wall(room)[place]->id + "/192.jpg";
  }
  // False: it never comes to that.
  bool comes_to_wait(size_t pictures) {
    const auto end = std::chrono::steady_clock::now() + testing::kPatience;
    while (gallery_.queue().waiting() != pictures && std::chrono::steady_clock::now() < end)
      ::usleep(1000);
    return gallery_.queue().waiting() == pictures;
  }
  // The number of pictures that were painted when all is done.
  int painted_in_the_end() {
    gate_.open();
    EXPECT_EQ(first_->receive().status, 200);
    EXPECT_TRUE(comes_to_wait(0));
    while (gallery_.queue().depth() > 0) ::usleep(1000);
    return painted_;
  }

  testing::Gate gate_;
  std::atomic<int> painted_ = 0;
  testing::SmallGallery gallery_{{}, [this](size_t pictures) {
                                   gate_.pass();
                                   painted_ += static_cast<int>(pictures);
                                 }};
  std::optional<http::HttpServer> server_;
  std::optional<Wire> first_;
};

TEST_F(Leaving, APreviewThatNobodyWaitsForIsNotPainted) {
  {
    Wire leaves(endpoint());
    leaves.ask("GET", preview("city", 1));
    EXPECT_TRUE(comes_to_wait(1));
  }
  EXPECT_TRUE(comes_to_wait(0));
  EXPECT_EQ(painted_in_the_end(), 1) << "what was on the easel";
}

TEST_F(Leaving, APreviewThatAnotherWaitsForIsPainted) {
  Wire stays(endpoint());
  stays.ask("GET", preview("city", 1));
  EXPECT_TRUE(comes_to_wait(1));
  {
    Wire leaves(endpoint());
    leaves.ask("GET", preview("city", 1));
    Wire too(endpoint());
    too.ask("GET", preview("city", 2));
    EXPECT_TRUE(comes_to_wait(2));
  }
  EXPECT_TRUE(comes_to_wait(1));
  EXPECT_EQ(painted_in_the_end(), 2);
  EXPECT_EQ(stays.receive().status, 200);
}

TEST_F(Leaving, ARoomThatNobodyWalksAnyMoreIsNotPaintedButForOthersPictures) {
  Wire other(endpoint());
  other.ask("GET", preview("mood", 2));
  EXPECT_TRUE(comes_to_wait(1));
  {
    Wire walker(endpoint());
    walker.ask("GET", "/api/v1/rooms/mood/stream");
    EXPECT_EQ(walker.receive_head().status, 200);
    EXPECT_TRUE(comes_to_wait(6)) << "the stream's window, one of which is the other's as well";
  }
  EXPECT_TRUE(comes_to_wait(1));
  EXPECT_EQ(painted_in_the_end(), 2);
  EXPECT_EQ(other.receive().status, 200);
}

}  // namespace
}  // namespace vernissage
