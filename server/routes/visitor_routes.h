// What a visitor does that others do not: claiming, and having what they claimed.
#pragma once

#include "server/routes/route.h"

namespace vernissage::http {

/// GET /paintings/{id}/claim: the page that asks whether it shall be this one. Works without
/// scripts.
Handled claim_page(App& app, const Request& request, const Parameters& parameters);
/// POST /claims: its form. 303 to /mine, or a page that says why not.
Handled claim_form(App& app, const Request& request);
/// POST /api/v1/claims: 201 won, 200 the same again, 409 taken (with similar free ones) or
/// already-own, 400, 403, 404, 415, 422 for what cannot be a claim, 429 and 503 with Retry-After.
Handled api_claim(App& app, const Request& request);
/// GET /mine: the owner's page.
Handled owner_page(App& app, const Request& request);
/// GET /api/v1/me: the visitor's claim, or null. Strangers get their name tag here.
Handled api_me(App& app, const Request& request);
/// GET /paintings/{id}/full.png: to its owner alone. To all others there is no such address,
/// whether there is such a painting or not: nothing about the painting is looked at before its
/// owner is.
Handled full_picture(App& app, const Request& request, const Parameters& parameters);
/// GET /certificates/{id}: the signed text.
Handled certificate(App& app, const Request& request, const Parameters& parameters);

}  // namespace vernissage::http
