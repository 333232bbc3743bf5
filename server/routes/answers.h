// The shapes answers come in, and what every answer carries.
#pragma once

#include <string>

#include "server/gallery/gallery.h"
#include "server/http/json.h"
#include "server/http/message.h"
#include "server/web/site.h"

namespace vernissage::http {

/// A page or a JSON value that may change: `no-cache` with a strong ETag, so that a visitor who
/// comes back is told 304 or sees what is new.
Response etag_response(const Request& request, std::string media_type, std::string body);
/// A JSON value about this moment: `no-store`.
Response no_store_json(int status, std::string json);
/// Bytes that never change under their address, and their single ranges.
Response immutable_response(const Request& request, std::string media_type, std::string body);

/// The site in the words of whoever asks: ?lang=, else the cookie `lang`, else Accept-Language.
/// `origin`: ours, where it is known. Links to other languages lead back to the same address, its
/// query included.
web::Site localized(const web::Site& site, const Request& request, const std::string& origin = {});
/// The language that ?lang= asks for, if we have it; else nothing.
std::string_view asked_language(const Request& request);
/// A page in somebody's words: what `etag_response` makes of it, and for these words only.
Response localized_page(const Request& request, std::string html);
/// A JSON value in somebody's words, likewise.
Response localized_json(const Request& request, std::string json);

/// An error as whoever asked can read it: a page for browsers (Accept names text/html and the path
/// is not of the API), else application/problem+json (RFC 9457).
Response problem(const web::Site& site, const gallery::Gallery& gallery, const Request& request,
                 int status, const std::string& detail);

/// What every answer carries: the date, the request's id, and the headers that tell a browser to
/// trust nothing but us: no foreign content, no framing, no guessing of types.
Response finish_headers(Response response, const std::string& request_id);

}  // namespace vernissage::http
