// Any bytes as a rooms.toml: refused in one line that names the file, or a plan that keeps every
// promise of rooms.h.
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <string>
#include <string_view>

#include "base/error.h"
#include "server/curation/rooms.h"

namespace {

void expect(bool truth) {
  if (!truth) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace curation = vernissage::curation;
  curation::RoomsPlan plan;
  try {
    plan = curation::read_rooms({reinterpret_cast<const char*>(data), size}, "rooms.toml");
  } catch (const vernissage::Error& error) {
    expect(std::string_view(error.what()).starts_with("rooms.toml: "));
    return 0;
  }
  expect(!plan.name.empty() && !plan.languages.empty() && !plan.rooms.empty());
  for (const curation::RoomPlan& room : plan.rooms) {
    expect(!room.slug.empty() && !room.queries.empty());
    for (const std::string& sentence : room.templates)
      expect(curation::filled(sentence, "").size() + 2 == sentence.size());
    const std::vector<int> quotas = curation::quotas(room);
    expect(std::accumulate(quotas.begin(), quotas.end(), 0) == room.paintings);
  }
  return 0;
}
