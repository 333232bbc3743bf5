// Text travels compressed to whoever takes it so (RFC 9110, section 12.5.3): pages, scripts,
// styles, lists. Pictures are compressed already.
#pragma once

#include <string>
#include <string_view>

#include "server/http/message.h"

namespace vernissage::http {

/// Whether Accept-Encoding allows gzip. Without the field: no, the plain bytes suit everybody.
bool accepts_gzip(const Request& request);

/// Gzip's bytes (RFC 1952), without a time and so the same for the same bytes.
std::string gzipped(std::string_view bytes);

/// Whether bodies of this media type shrink: text, JSON, SVG.
bool shrinks(std::string_view media_type);

/// A 200 answer with a strong ETag becomes its gzip form where `request` takes that and it pays:
/// Content-Encoding, an ETag of its own, and in any case Vary: Accept-Encoding. Before
/// conditional(), so that tags and ranges mean the bytes that are sent. Never for what carries a
/// secret beside words of others: the length would tell of it.
void compress(const Request& request, Response* response);

}  // namespace vernissage::http
