// What changes while somebody looks: events, walks, rooms as they are painted. Goal: nobody misses
// a claim however slowly they read, everything is bounded, each frame is painted once for all, and
// who leaves takes back what they asked for. Method: streams pulled by hand as a connection would,
// a real store, a renderer that waits for the test.
#include <gtest/gtest.h>

#include <future>
#include <regex>
#include <set>

#include "base/base64.h"
#include "base/timer.h"
#include "server/gallery/claims.h"
#include "server/images/images.h"
#include "server/live/events.h"
#include "server/live/flow.h"
#include "server/live/room_stream.h"
#include "tests/support/gate.h"
#include "tests/support/tiny_network.h"

namespace vernissage::live {
namespace {

using namespace std::chrono_literals;

constexpr int kResolution = 600;
constexpr int kWorks = 90;  // in one room

// Pulls as a connection does.
class Reader {
 public:
  using Piece = std::optional<std::string>;

  explicit Reader(std::shared_ptr<http::BodyStream> stream) : stream_(std::move(stream)) {}

  /// The promise of the next piece. Broken when the stream cuts the connection off.
  std::future<Piece> ask() {
    auto promise = std::make_shared<std::promise<Piece>>();
    auto future = promise->get_future();
    stream_->next([promise](Piece piece) { promise->set_value(std::move(piece)); });
    return future;
  }
  std::string piece() { return ask().get().value_or("<end>"); }
  std::string all() {
    std::string text;
    while (auto next = ask().get()) text += *next;
    return text;
  }
  void cancel() { stream_->cancel(); }

 private:
  std::shared_ptr<http::BodyStream> stream_;
};

bool is_there(std::future<Reader::Piece>& piece) {
  return piece.wait_for(0s) == std::future_status::ready;
}

using testing::Gate;

// A grey that depends on the spec alone.
class GreyRenderer : public render::Renderer {
 public:
  GreyRenderer(Gate& gate, std::atomic<int>& painted) : gate_(gate), painted_(painted) {}
  std::string describe() const override { return "greys"; }
  int batch_max() const override { return 1; }
  std::vector<Image> paint(const std::vector<render::RenderSpec>& specs) override {
    gate_.pass();
    ++painted_;
    const auto grey = static_cast<uint8_t>(specs[0].first * 7 + specs[0].along * 200);
    return {{kResolution, kResolution, 1,
             std::vector<uint8_t>(size_t{kResolution} * kResolution, grey)}};
  }

 private:
  Gate& gate_;
  std::atomic<int>& painted_;
};

class Live : public ::testing::Test {
 protected:
  Live() {
    namespace g = gallery;
    const auto path = directory_.path();
    g::GalleryKey::create(path / "gallery.key");
    g::GalleryConfig config;
    config.name = "Test";
    config.generator = "generator.safetensors";
    config.resolution = kResolution;
    config.rooms = g::default_rooms();
    g::save_config(path / "gallery.toml", config);
    std::vector<g::Painting> paintings;
    for (int i = 0; i < kWorks; ++i)
      paintings.push_back(
          {g::random_id(), "city", i, "No. " + std::to_string(i), paintings.size()});
    for (int i = 0; i < 5; ++i)
      paintings.push_back(
          {g::random_id(), "mood", i, "Mood " + std::to_string(i), paintings.size()});
    g::open_sqlite_store(path / "gallery.db", true)->hang(paintings);
    gallery_.emplace(path);
    open_queue(64);
  }
  ~Live() override { gate_.open(); }

  void open_queue(size_t in_flight_max) {
    pictures_.reset();
    queue_.reset();
    render::RenderQueue::Parts parts;
    parts.make_renderer = [this] { return std::make_unique<GreyRenderer>(gate_, painted_); };
    render::RenderLimits limits;
    limits.in_flight_max = in_flight_max;
    limits.delay_max = 0us;
    limits.finisher_threads = 1;
    queue_.emplace(std::move(parts), limits);
    pictures_.emplace(*gallery_, *queue_, render::Pictures::Limits{}, [](const std::string&) {});
  }

  const gallery::Painting& work(size_t i) { return *gallery_->wall("city")[i]; }
  void claim(size_t i) {
    const auto answer =
        gallery_->claims().claim({work(i).id, "visitor " + std::to_string(i), "", ""});
    ASSERT_TRUE(answer && answer->result == gallery::ClaimResult::won);
  }
  Reader room(size_t first, const std::string& slug = "mood", size_t window = 6) {
    return Reader(open_room_stream({*gallery_, *pictures_, timer_, "", window},
                                   *gallery_->room(slug), first));
  }
  void await_idle() {
    while (queue_->depth() > 0) std::this_thread::sleep_for(1ms);
  }

  testing::TemporaryDirectory directory_;
  Gate gate_;
  std::atomic<int> painted_ = 0;
  std::optional<gallery::Gallery> gallery_;
  std::optional<render::RenderQueue> queue_;
  std::optional<render::Pictures> pictures_;
  std::shared_ptr<Timer> timer_ = std::make_shared<Timer>();
};

TEST(TimerThread, RunsInOrderOfTimeAndDropsWhatIsNotDueAtItsEnd) {
  std::promise<void> begin, done;
  std::string order;
  std::atomic<bool> never = false;
  {
    Timer timer;
    const auto now = Timer::Clock::now();
    // While the timer is busy, so that all are there before the first of them is due.
    timer.soon([&] { begin.get_future().wait(); });
    timer.at(now + 3ms, [&] {
      order += 'c';
      done.set_value();
    });
    timer.at(now + 2ms, [&] { order += 'b'; });
    timer.at(now + 1ms, [&] { order += 'a'; });
    timer.after(1h, [&] { never = true; });
    begin.set_value();
    done.get_future().wait();
  }
  EXPECT_EQ(order, "abc");
  EXPECT_FALSE(never);
}

TEST(TimerThread, MayBeLetGoOfByItsOwnJob) {
  std::promise<void> gone;
  auto timer = std::make_shared<Timer>();
  timer->after(1ms, [held = timer, &gone]() mutable {
    held.reset();
    gone.set_value();
  });
  timer.reset();
  gone.get_future().wait();
}

TEST(Base64, FollowsTheTestVectorsOfTheRfc) {
  const std::pair<std::string, std::string> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"foobar", "Zm9vYmFy"},
                                                       {"\xff\xfe", "//4="}};
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(gallery::base64(std::vector<uint8_t>(text.begin(), text.end())), expected);
}

// ---- events

std::vector<int> sequences(const std::string& text) {
  std::vector<int> found;
  const std::regex event("id: ([0-9]+)\nevent: claimed\ndata: \\{\"sequence\":([0-9]+),");
  for (std::sregex_iterator at(text.begin(), text.end(), event), end; at != end; ++at) {
    EXPECT_EQ((*at)[1], (*at)[2]);
    found.push_back(std::stoi((*at)[1]));
  }
  return found;
}

TEST_F(Live, ListenersHearOfAClaimWhenItHappens) {
  Events events(*gallery_, timer_, {});
  Reader one(events.open({})), two(events.open({}));
  EXPECT_NE(one.piece().find("event: hello\ndata: {\"sequence\":0}\n\n"), std::string::npos);
  two.piece();
  auto first = one.ask(), second = two.ask();
  EXPECT_FALSE(is_there(first));
  claim(3);
  const std::string heard = first.get().value();
  EXPECT_EQ(heard, second.get().value());
  EXPECT_EQ(sequences(heard), std::vector<int>{1});
  EXPECT_NE(heard.find("\"painting\":\"" + work(3).id + "\""), std::string::npos);
  // People and Nature are empty here: City begins at 0.
  EXPECT_NE(heard.find("\"place\":3"), std::string::npos);
}

TEST_F(Live, ASlowReaderMissesNothingAndComesBackWhereItStopped) {
  Events events(*gallery_, timer_, {});
  Reader slow(events.open({}));
  slow.piece();
  for (size_t i = 0; i < kWorks; ++i) claim(i);
  std::string heard;
  while (sequences(heard).size() < 40) heard += slow.piece();
  slow.cancel();
  const int last = sequences(heard).back();
  Reader back(events.open(last));
  while (sequences(heard).size() < kWorks) heard += back.piece();
  const std::vector<int> all = sequences(heard);
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], static_cast<int>(i) + 1);
}

TEST_F(Live, WhoCannotBeToldAllIsSentToTheState) {
  claim(0);
  Events events(*gallery_, timer_, {});
  EXPECT_NE(Reader(events.open(7)).piece().find("event: reset\ndata: {\"sequence\":1}"),
            std::string::npos)
      << "a number that is not ours";
  EXPECT_EQ(sequences(Reader(events.open(0)).piece()), std::vector<int>{1});
}

TEST_F(Live, SilenceIsFilledWithHeartbeats) {
  Events::Limits limits;
  limits.heartbeat = 20ms;
  Events events(*gallery_, timer_, limits);
  Reader reader(events.open({}));
  reader.piece();
  EXPECT_EQ(reader.piece(), ": still here\n\n");
  EXPECT_EQ(reader.piece(), ": still here\n\n");
}

TEST_F(Live, ListenersAreBoundedAndTheirPlacesComeFree) {
  Events::Limits limits;
  limits.listeners_max = 2;
  Events events(*gallery_, timer_, limits);
  auto one = events.open({});
  auto two = events.open({});
  EXPECT_TRUE(one && two);
  EXPECT_FALSE(events.open({}));
  one->cancel();
  one.reset();
  EXPECT_TRUE(events.open({})) << "and dropped at once, never read";
  EXPECT_TRUE(events.open({}));
  EXPECT_EQ(events.listeners(), 1u);
}

TEST_F(Live, ClosingEndsEveryListener) {
  Events events(*gallery_, timer_, {});
  Reader reader(events.open({}));
  reader.piece();
  auto waiting = reader.ask();
  events.close();
  EXPECT_EQ(waiting.get(), std::nullopt);
  EXPECT_FALSE(events.open({}));
}

TEST(EventIds, AreWholeNumbers) {
  EXPECT_EQ(read_event_id("0"), 0);
  EXPECT_EQ(read_event_id("42"), 42);
  for (const char* text : {"", "-1", "1.5", "x", "1 ", "99999999999999999999"})
    EXPECT_FALSE(read_event_id(text)) << text;
}

// ---- walks

std::vector<Image> frames_of(const std::string& body) {
  std::vector<Image> frames;
  EXPECT_TRUE(body.starts_with("--frame\r\n"));
  EXPECT_TRUE(body.ends_with("\r\n--frame--\r\n"));
  const std::string head = "Content-Type: image/jpeg\r\nContent-Length: ";
  for (size_t at = body.find(head); at != std::string::npos; at = body.find(head, at)) {
    at += head.size();
    const auto size = static_cast<size_t>(std::stoul(body.substr(at)));
    at = body.find("\r\n\r\n", at) + 4;
    frames.push_back(decode_jpeg({reinterpret_cast<const uint8_t*>(body.data()) + at, size}));
    at += size;
  }
  return frames;
}

Flow::Limits quick(int frames) {
  Flow::Limits limits;
  limits.frames = frames;
  limits.frame_ms = 1ms;
  limits.retry_ms = 5ms;
  return limits;
}

TEST(FlowPosition, LeavesOneEndAndReachesTheOtherTheSameWayBack) {
  constexpr int kFrames = 61;
  EXPECT_EQ(flow_position(0, kFrames), 0.0f);
  EXPECT_EQ(flow_position(kFrames - 1, kFrames), 1.0f);
  for (int i = 0; i < kFrames; ++i) {
    // Two roundings to float below 1, half of 2^-24 each.
    EXPECT_NEAR(flow_position(i, kFrames), 1 - flow_position(kFrames - 1 - i, kFrames), 0x1p-24)
        << i;
    if (i > 0) {
      EXPECT_GT(flow_position(i, kFrames), flow_position(i - 1, kFrames)) << i;
    }
  }
}

TEST_F(Live, AWalkIsPaintedOnceForAllAndNeverAtFullSize) {
  gate_.open();
  Flow flow(*gallery_, *queue_, timer_, quick(9));
  Reader there(flow.open(work(0), work(20)).stream);
  auto back = std::async(std::launch::async,
                         [&] { return Reader(flow.open(work(20), work(0)).stream).all(); });
  const auto frames = frames_of(there.all());
  auto reversed = frames_of(back.get());
  ASSERT_EQ(frames.size(), 9u);
  ASSERT_EQ(reversed.size(), 9u);
  std::reverse(reversed.begin(), reversed.end());
  for (size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i].width, kFlowWidthMax);
    EXPECT_EQ(frames[i].pixels, reversed[i].pixels) << i;
  }
  EXPECT_NE(frames.front().pixels, frames.back().pixels);
  EXPECT_EQ(painted_, 9);
  frames_of(Reader(flow.open(work(0), work(20)).stream).all());
  EXPECT_EQ(painted_, 9) << "kept for the next";
}

TEST_F(Live, WalksAreNoFasterThanTheirPace) {
  gate_.open();
  Flow::Limits limits = quick(5);
  limits.frame_ms = 30ms;
  Flow flow(*gallery_, *queue_, timer_, limits);
  const auto start = std::chrono::steady_clock::now();
  Reader(flow.open(work(0), work(1)).stream).all();
  EXPECT_GE(std::chrono::steady_clock::now() - start, 4 * 30ms);
}

TEST_F(Live, ViewersAreBoundedAndToldWhenOneWillBeDone) {
  Flow::Limits limits = quick(11);
  limits.viewers_max = 2;
  limits.frame_ms = 4min;
  Flow flow(*gallery_, *queue_, timer_, limits);
  auto one = flow.open(work(0), work(1)).stream;
  auto two = flow.open(work(2), work(3)).stream;
  const auto refused = flow.open(work(4), work(5));
  EXPECT_FALSE(refused.stream);
  EXPECT_EQ(refused.retry_after, 44min) << "eleven frames, none of them shown yet";
  two->cancel();
  two.reset();
  EXPECT_EQ(flow.viewers(), 1u);
  EXPECT_TRUE(flow.open(work(4), work(5)).stream);
}

TEST_F(Live, WhoStopsWatchingTakesBackWhatWasAskedFor) {
  Flow flow(*gallery_, *queue_, timer_, quick(9));
  Reader reader(flow.open(work(0), work(1)).stream);
  auto frame = reader.ask();
  gate_.await_arrivals(1);
  EXPECT_EQ(queue_->waiting(), 4u) << "those ahead";
  reader.cancel();
  gate_.open();
  await_idle();
  EXPECT_EQ(painted_, 1) << "the one that was being rendered";
  // And who comes then sees it all.
  EXPECT_EQ(frames_of(Reader(flow.open(work(0), work(1)).stream).all()).size(), 9u);
  EXPECT_EQ(painted_, 9);
}

TEST_F(Live, AWalkWaitsForRoomInTheQueue) {
  open_queue(1);
  gate_.open();
  Flow flow(*gallery_, *queue_, timer_, quick(5));
  EXPECT_EQ(frames_of(Reader(flow.open(work(0), work(1)).stream).all()).size(), 5u);
}

TEST_F(Live, AWalkIsCutOffWhenTheGalleryCloses) {
  Flow flow(*gallery_, *queue_, timer_, quick(5));
  Reader reader(flow.open(work(0), work(1)).stream);
  gate_.await_arrivals(0);
  queue_->close(render::RenderQueue::Closing::cancel);
  auto frame = reader.ask();
  EXPECT_THROW(frame.get(), std::future_error) << "not an end, as if all had been shown";
}

// ---- rooms

std::vector<int> places(const std::string& lines) {
  std::vector<int> found;
  const std::regex place("\"place\":([0-9]+)");
  for (std::sregex_iterator at(lines.begin(), lines.end(), place), end; at != end; ++at)
    found.push_back(std::stoi((*at)[1]));
  return found;
}

TEST_F(Live, ARoomComesWholeFromWhereTheVisitorStands) {
  gate_.open();
  claim(0);
  const std::string lines = room(3).all();
  EXPECT_EQ(places(lines), (std::vector<int>{93, 94, 90, 91, 92}));
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 5);
  EXPECT_EQ(painted_, 5);
  EXPECT_NE(lines.find("/256.webp\""), std::string::npos);
  EXPECT_EQ(lines.find("\"taken\":true"), std::string::npos);
  const std::string again = room(0).all();
  EXPECT_EQ(places(again).size(), 5u);
  EXPECT_EQ(painted_, 5) << "what is there is not painted anew";
  Reader city = room(0, "city", 1);
  EXPECT_NE(city.piece().find("\"taken\":true"), std::string::npos);
  city.cancel();
}

TEST_F(Live, LinesComeAsSoonAsTheirPicturesAreThere) {
  Reader reader = room(0);
  auto first = reader.ask();
  gate_.await_arrivals(1);
  EXPECT_FALSE(is_there(first));
  gate_.open();
  EXPECT_FALSE(places(first.get().value()).empty());
}

TEST_F(Live, AReaderThatTakesNothingHasNothingPainted) {
  gate_.open();
  constexpr size_t kWindow = 4;
  Reader reader = room(0, "city", kWindow);
  const size_t taken = places(reader.piece()).size();
  await_idle();
  std::this_thread::sleep_for(20ms);
  // What was taken made room for as many again, and there it ends.
  EXPECT_LE(painted_, static_cast<int>(taken + kWindow));
  EXPECT_LT(painted_, kWorks);
  reader.cancel();
}

TEST_F(Live, WhoLeavesARoomTakesBackWhatWasAskedFor) {
  Reader reader = room(0, "city", 5);
  auto first = reader.ask();
  gate_.await_arrivals(1);
  EXPECT_EQ(queue_->depth(), 5u);
  reader.cancel();
  gate_.open();
  await_idle();
  EXPECT_EQ(painted_, 1) << "the one that was being rendered";
}

TEST_F(Live, ARoomWaitsForRoomInTheQueue) {
  open_queue(1);
  gate_.open();
  const auto found = places(room(0).all());
  EXPECT_EQ(std::set<int>(found.begin(), found.end()), (std::set<int>{90, 91, 92, 93, 94}));
  EXPECT_EQ(found.size(), 5u);
}

TEST_F(Live, ARoomIsCutOffWhenTheGalleryCloses) {
  Reader reader = room(0);
  auto first = reader.ask();
  gate_.await_arrivals(1);
  auto closing =
      std::async(std::launch::async, [&] { queue_->close(render::RenderQueue::Closing::cancel); });
  EXPECT_THROW(first.get(), std::future_error);
  gate_.open();
  closing.get();
}

}  // namespace
}  // namespace vernissage::live
