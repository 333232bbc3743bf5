// Any bytes as Range, If-None-Match and If-Range (the first three lines) over a body (the rest).
// What comes back is the body, the very part of it that Content-Range names, or nothing.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/http/caching.h"

namespace {

void expect(bool truth) {
  if (!truth) std::abort();
}

std::string take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string line(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace http = vernissage::http;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  http::Request request;
  request.method = "GET";
  for (const char* name : {"Range", "If-None-Match", "If-Range"}) {
    const std::string value = take_line(text);
    if (!value.empty()) request.fields.emplace_back(name, value);
  }
  const std::string body(text);
  http::Response whole;
  whole.set("ETag", "\"tag\"").set("Content-Type", "text/plain");
  whole.body = body;
  const http::Response answer = http::conditional(request, whole, /*ranges=*/true);
  switch (answer.status) {
    case 200:
      expect(answer.body == body);
      break;
    case 304:
      expect(answer.body.empty() && request.field("If-None-Match"));
      break;
    case 416:
      expect(answer.body.empty() &&
             answer.field("Content-Range") == "bytes */" + std::to_string(body.size()));
      break;
    case 206: {
      const std::string named(answer.field("Content-Range").value_or(""));
      unsigned long long first = 0, last = 0, total = 0;
      expect(std::sscanf(named.c_str(), "bytes %llu-%llu/%llu", &first, &last, &total) == 3);
      expect(total == body.size() && first <= last && last < total);
      expect(answer.body == body.substr(first, last - first + 1));
      break;
    }
    default:
      std::abort();
  }
  return 0;
}
