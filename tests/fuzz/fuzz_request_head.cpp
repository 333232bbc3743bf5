// Any bytes as the head of a request. What passes is read once more in the plainest way there is,
// and must be what every reader takes for the same: lines that end in CR LF, one Host, no coding.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/http/framing.h"
#include "server/http/limits.h"
#include "server/http/message.h"

namespace {

void expect(bool truth) {
  if (!truth) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace http = vernissage::http;
  std::string_view head(reinterpret_cast<const char*>(data), size);
  const http::Refusal endless = http::refuse_endless_head(head);
  expect(endless.status == 414 || endless.status == 431);
  http::Head passed;
  if (const auto refusal = http::check_head(head, &passed)) {
    expect(refusal->status >= 400 && refusal->status <= 505 && !refusal->detail.empty());
    return 0;
  }
  expect(size <= http::kHeaderBytesMax && passed.content_length <= http::kBodyBytesMax);
  expect(head.ends_with("\r\n\r\n"));
  size_t lines = 0, hosts = 0, lengths = 0;
  for (; head != "\r\n"; ++lines) {
    const size_t end = head.find("\r\n");
    expect(end != std::string_view::npos && end > 0);
    const std::string_view line = head.substr(0, end);
    expect(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    if (lines > 0) {
      const std::string_view name = line.substr(0, line.find(':'));
      expect(name.size() < line.size() && name.find_first_of(" \t") == std::string_view::npos);
      expect(!http::same_name(name, "Transfer-Encoding"));
      hosts += http::same_name(name, "Host");
      lengths += http::same_name(name, "Content-Length");
    }
    head.remove_prefix(end + 2);
  }
  expect(lines <= http::kFieldCountMax + 1 && hosts <= 1 && lengths <= 1);
  return 0;
}
