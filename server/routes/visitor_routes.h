// What a visitor does that others do not: claiming, and having what they claimed.
#pragma once

#include "server/routes/route.h"

namespace vernissage::http {

// clang-format off
/// GET /paintings/{id}/claim: the page that asks whether it shall be this one. Works without scripts.
std::optional<Response> claim_page(App& app, const Request& request, const Parameters& parameters, const Reply& reply, bool* later);
/// POST /claims: its form. 303 to /mine, or a page that says why not.
std::optional<Response> claim_form(App& app, const Request& request, const Parameters& parameters, const Reply& reply, bool* later);
/// POST /api/v1/claims: 201 won, 200 the same again, 409 taken (with similar free ones) or already-own,
/// 400, 403, 404, 415, 422 for what cannot be a claim, 429 and 503 with Retry-After.
std::optional<Response> api_claim(App& app, const Request& request, const Parameters& parameters, const Reply& reply, bool* later);
/// GET /mine: the owner's page.
std::optional<Response> owner_page(App& app, const Request& request, const Parameters& parameters, const Reply& reply, bool* later);
/// GET /api/v1/me: the visitor's claim, or null. Strangers get their name tag here.
std::optional<Response> api_me(App& app, const Request& request, const Parameters& parameters, const Reply& reply, bool* later);
/// GET /paintings/{id}/full.png: to its owner alone. To all others there is no such address, whether
/// there is such a painting or not: nothing about the painting is looked at before its owner is.
std::optional<Response> full_picture(App& app, const Request& request, const Parameters& parameters, const Reply& reply, bool* later);
/// GET /certificates/{id}: the signed text.
std::optional<Response> certificate(App& app, const Request& request, const Parameters& parameters, const Reply& reply, bool* later);
// clang-format on

}  // namespace vernissage::http
