// What somebody who wants a painting sends: JSON or a form. Strangers' bytes in, plain texts out;
// whether the painting exists and the plaque may be shown is not asked here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/gallery/claims.h"

namespace vernissage::visitors {

/// Who asks is not in it: ClaimRequest::visitor stays empty.
/// {"painting": "…", "plaque": "…"}: the first is needed, the second may be missing. Throws
/// ParseError for anything else: another member, one twice, a value that is not a string.
gallery::ClaimRequest read_json_claim(std::string_view body);

/// application/x-www-form-urlencoded with the fields painting, plaque, request (the idempotency
/// key) and token, each at most once. Sets `token` where the form has it. Throws ParseError as
/// above.
gallery::ClaimRequest read_form_claim(std::string_view body, std::string& token);

/// The pairs of a query or form, decoded: '+' is a blank, %xx a byte. Throws ParseError for a '%'
/// without two hexadecimal digits and for more than `pairs_max` pairs.
std::vector<std::pair<std::string, std::string>> read_pairs(std::string_view text,
                                                            size_t pairs_max);

/// Nothing for a key that no Idempotency-Key can be: 1 … kIdempotencyKeyBytesMax visible
/// characters.
bool is_idempotency_key(std::string_view text);

}  // namespace vernissage::visitors
