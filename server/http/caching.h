// Conditional and partial requests (RFC 9110, sections 13 and 14) over a complete 200 answer.
#pragma once

#include <string>
#include <string_view>

#include "server/http/message.h"

namespace vernissage::http {

/// A strong entity tag, quotes included: 128 bits of the SHA-256 of the bytes.
std::string etag_of(std::string_view bytes);
/// The same tag for bytes whose SHA-256 is known, in lower-case hexadecimal.
std::string etag_of_digest(std::string_view sha256);

/// Makes of a 200 answer that carries an ETag a 304 where If-None-Match names it, and, where
/// `ranges` is allowed and the request is a GET for a single byte range, a 206 or a 416. Several
/// ranges, or a Range that cannot be read, leave the whole answer as it is.
Response conditional(const Request& request, Response whole, bool ranges);

}  // namespace vernissage::http
