// The backend that times another and cuts its forward passes short.
// Goal: what it measures is the other backend's work, whole or up to an operation, and nothing of
// it is changed on the way. Method: a backend that writes down what it is asked for.
#include "bench/timed_backend.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace vernissage::bench {
namespace {

struct Diary {
  std::vector<std::string> entries;
  int reserves = 0;
  Output output = Output::values;
};

class Diarist final : public Backend {
 public:
  explicit Diarist(Diary& diary) : diary_(diary) {}

  std::string describe() const override { return "diary"; }
  void load(const NetworkSpec&) override {}
  void reserve(int batch_max) override {
    batch_max_ = batch_max;
    ++diary_.reserves;
  }
  int batch_max() const override { return batch_max_; }
  void map(int, std::span<const float>, std::span<const float>, std::span<float>) override {
    note("map");
  }
  void set_inputs(int, std::span<const float>, std::span<const uint64_t>) override {
    note("inputs");
  }
  void set_output(Output output) override { diary_.output = output; }
  void run(NoiseMode, bool replayable, const std::function<void()>& forward) override {
    note(replayable ? "replayable" : "once");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    forward();
  }
  void styles() override { note("styles"); }
  void constant(BufferId) override { note("constant"); }
  void convolution(int layer, BufferId, BufferId, const EpilogueOptions&) override {
    note("convolution " + std::to_string(layer));
  }
  void to_rgb(int layer, BufferId) override { note("to_rgb " + std::to_string(layer)); }
  void skip(int layer, BufferId, BufferId) override { note("skip " + std::to_string(layer)); }
  std::vector<float> read(BufferId, int, int) override { return {1}; }
  std::vector<float> read_image() override { return {2}; }
  void read_rgb8(std::span<uint8_t* const> pictures) override { pictures[0][0] = 3; }
  void read_preview(int size, std::span<uint8_t> pixels) override { pixels[0] = uint8_t(size); }
  int launches() const override { return 42; }

 private:
  void note(std::string what) { diary_.entries.push_back(std::move(what)); }

  Diary& diary_;
  int batch_max_ = 0;
};

class TimedBackendTest : public ::testing::Test {
 protected:
  void run() {
    diary.entries.clear();
    timed.run(NoiseMode::constant, true, [this] {
      timed.styles();
      timed.constant(BufferId::a);
      timed.convolution(0, BufferId::a, BufferId::a, EpilogueOptions{});
      timed.skip(1, BufferId::a, BufferId::c);
      timed.to_rgb(2, BufferId::a);
    });
  }

  const std::vector<std::string> whole = {"replayable",    "styles", "constant",
                                          "convolution 0", "skip 1", "to_rgb 2"};
  Diary diary;
  int waits = 0;
  TimedBackend timed{std::make_unique<Diarist>(diary), [this] { ++waits; }};
};

TEST_F(TimedBackendTest, CarriesOutTheWholeWalkUnlessTold) {
  run();
  EXPECT_EQ(diary.entries, whole);
}

TEST_F(TimedBackendTest, CarriesOutTheFirstOperationsAndNoMore) {
  for (size_t count = 0; count <= 5; ++count) {
    timed.set_operations(int(count));
    run();
    EXPECT_EQ(diary.entries,
              std::vector<std::string>(whole.begin(), whole.begin() + 1 + long(count)));
  }
  timed.set_operations(TimedBackend::kAll);
  run();
  EXPECT_EQ(diary.entries, whole);
}

// A record made with another cut would be replayed in its place.
TEST_F(TimedBackendTest, ForgetsRecordsExactlyWhenTheCutChanges) {
  timed.reserve(4);
  timed.set_operations(3);
  EXPECT_EQ(diary.reserves, 2);
  timed.set_operations(3);
  EXPECT_EQ(diary.reserves, 2);
  timed.set_operations(TimedBackend::kAll);
  EXPECT_EQ(diary.reserves, 3);
  EXPECT_EQ(timed.batch_max(), 4);
}

TEST_F(TimedBackendTest, CountsEveryRepeatFromTheBeginning) {
  timed.set_operations(2);
  timed.set_repeats(3);
  run();
  const std::vector<std::string> one = {"replayable", "styles", "constant"};
  std::vector<std::string> thrice;
  for (int i = 0; i < 3; ++i) thrice.insert(thrice.end(), one.begin(), one.end());
  EXPECT_EQ(diary.entries, thrice);
}

TEST_F(TimedBackendTest, SaysTheTimeOfOneRepeatBetweenTwoWaits) {
  timed.set_repeats(5);
  const auto begin = std::chrono::steady_clock::now();
  run();
  const std::chrono::duration<double> all = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(timed.last_run_s(), 1e-3);  // what a run sleeps
  EXPECT_LE(timed.last_run_s(), all.count() / 5);
  EXPECT_EQ(waits, 2);
}

TEST_F(TimedBackendTest, ReadsNoPictureOfAWalkCutShort) {
  std::vector<uint8_t> pixels = {77};
  uint8_t* const picture = pixels.data();
  timed.set_operations(1);
  run();
  timed.read_rgb8({&picture, 1});
  EXPECT_EQ(pixels[0], 77);
  timed.set_operations(TimedBackend::kAll);
  run();
  timed.read_rgb8({&picture, 1});
  EXPECT_EQ(pixels[0], 3);
}

TEST_F(TimedBackendTest, PassesOnWhatItHasNoOpinionOf) {
  timed.set_output(Output::bytes);
  EXPECT_EQ(diary.output, Output::bytes);
  EXPECT_EQ(timed.launches(), 42);
  EXPECT_EQ(timed.describe(), "diary");
  std::vector<uint8_t> pixels(1);
  timed.read_preview(9, pixels);
  EXPECT_EQ(pixels[0], 9);
}

}  // namespace
}  // namespace vernissage::bench
