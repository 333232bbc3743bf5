// The server's log: lines on stderr, for people or, as JSON, for programs. Logging never waits for
// whoever reads it.
#pragma once

#include <string>

#include "server/http/message.h"

namespace vernissage::process {

/// Call once, before anything is logged. "json": one object a line with time, level, message, and,
/// for an answer, request_id, method, path (its first KiB), status, bytes and ms. The time is UTC,
/// RFC 3339.
void open_log(const std::string& format);

void log_info(const std::string& what);
void log_trouble(const std::string& what);

/// One line for one answer: neither query nor fields nor body, which may hold what a visitor would
/// not want written down.
void log_answer(const http::Request& request, int status, size_t bytes, double ms);

}  // namespace vernissage::process
