// The gate before the parser. A proxy and a server that read the same bytes as different requests
// can be played against each other (request smuggling), so whatever RFC 9112 leaves open, or asks a
// server to repair, is refused here on the raw bytes: transfer codings, two or no Hosts, folded
// lines, bare CR or LF, spaces before a colon, targets that are not a path. Ours, since parsers
// (Beast's is behind this gate) repair some of it and hand on what they made, not what was sent.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace vernissage::http {

struct Refusal {
  int status;          // 400, 413, 414, 417, 431 or 505; the connection ends after it
  std::string detail;  // for the one who sent it: says which rule, repeats nothing of what was sent
};

/// What is left to learn from a head that passed.
struct Head {
  size_t content_length = 0;  // 0 … kBodyBytesMax
};

/// "/studio?from=3" of "/studio?from=3" and of "http://gallery.example/studio?from=3" (RFC 9112,
/// 3.2.1 and 3.2.2), "/" of "http://gallery.example".
std::string_view path_of_target(std::string_view target);

/// A target in absolute form must name the host that Host names.
///
/// `head` is everything up to and including the empty line. Sets *passed when it returns nothing.
std::optional<Refusal> check_head(std::string_view head, Head* passed);

/// The refusal for a head that reached kHeaderBytesMax without its empty line: 414 where the
/// request line alone is too long, else 431.
Refusal refuse_endless_head(std::string_view bytes);

}  // namespace vernissage::http
