// The API's contract, OpenAPI 3.1: server/web/files/openapi.json, which
// tests/programs/openapi_test.cpp holds against the running server.
#pragma once

#include "server/routes/route.h"

namespace vernissage::http {

Handled openapi(App& app, const Request& request);

}  // namespace vernissage::http
