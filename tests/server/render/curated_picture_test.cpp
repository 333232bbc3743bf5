// Goal: the picture that the curator judges is the picture that the server paints, of networks with
// classes too. Method: the same candidates from the curator's networks and from the server's
// renderer, byte by byte; batches of another size on either side.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "server/curation/candidates/curation_networks.h"
#include "server/gallery/gallery.h"
#include "server/gallery/hang.h"
#include "server/render/generator_renderer.h"
#include "tests/support/golden_data.h"
#include "tests/support/tiny_network.h"
#include "weights_tools/clip_checkpoint.h"

namespace vernissage::render {
namespace {

using testing::TemporaryDirectory;

class CuratedPictures : public ::testing::TestWithParam<int> {};

TEST_P(CuratedPictures, AreThePicturesThatAreServed) {
  const int classes = GetParam();
  const TemporaryDirectory directory;
  const auto generator = directory / "generator.safetensors";
  const auto curator = directory / "curator.safetensors";
  save_network(generator, testing::tiny_network(64, classes));
  ClipOptions words;
  words.tokenizer = testing::golden("clip/merges.txt");
  save_clip(curator, read_clip_checkpoint(testing::golden("clip/tiny-vit"), words).network);
  gallery::hang_gallery({generator, directory / "gallery", "Test", 3, 0.6f});
  gallery::Gallery gallery(directory / "gallery");

  curation::CurationNetworkOptions options;
  options.generator = generator;
  options.curator = curator;
  options.truncation = 0.6f;
  options.device = "cpu";
  options.threads = 2;
  options.batch = 3;
  const auto networks = curation::load_curation_networks(options, gallery.key());
  const std::vector<uint64_t> candidates = {0, 7, 1, 4000000000, 12};
  const std::vector<Image> judged = networks->paint(candidates);

  const auto renderer = make_generator_renderer(gallery, "cpu", Precision::f32, 1);
  std::set<std::string> different;
  ASSERT_EQ(judged.size(), candidates.size());
  for (size_t i = 0; i < candidates.size(); ++i) {
    const Image served = renderer->paint({RenderSpec::painting(candidates[i])}).front();
    EXPECT_EQ(judged[i].pixels, served.pixels) << "candidate " << candidates[i];
    different.emplace(served.pixels.begin(), served.pixels.end());
  }
  EXPECT_EQ(different.size(), candidates.size());
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutClasses, CuratedPictures, ::testing::Values(0, 5));

}  // namespace
}  // namespace vernissage::render
