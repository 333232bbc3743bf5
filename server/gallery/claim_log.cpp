#include "server/gallery/claim_log.h"

#include <set>

namespace vernissage::gallery {
namespace {

void append_number(std::string& bytes, uint64_t number) {
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(number >> (8 * i));
}

void append_text(std::string& bytes, const std::string& text) {
  append_number(bytes, text.size());
  bytes += text;
}

}  // namespace

Digest link(const Claim& claim) {
  std::string bytes = "vernissage claim 1\n";
  bytes += as_text(claim.previous);
  append_number(bytes, static_cast<uint64_t>(claim.number));
  bytes += as_text(claim.visitor);
  bytes += as_text(claim.request);
  append_number(bytes, static_cast<uint64_t>(claim.time_ms));
  append_text(bytes, claim.painting);
  append_text(bytes, claim.plaque);
  return sha256(bytes);
}

LogVerdict check_log(const std::vector<Claim>& log) {
  LogVerdict verdict;
  std::set<std::string> paintings;
  std::set<Digest> visitors;
  for (const Claim& claim : log) {
    const std::string entry = "entry " + std::to_string(verdict.entries + 1);
    if (claim.number != verdict.entries + 1)
      verdict.fault = entry + " is missing: " + std::to_string(claim.number) + " follows " +
                      std::to_string(verdict.entries);
    else if (claim.previous != verdict.head)
      verdict.fault = entry + " does not follow entry " + std::to_string(verdict.entries) +
                      ": it names " + hex(claim.previous) + " as its hash, which is " +
                      hex(verdict.head);
    else if (link(claim) != claim.hash)
      verdict.fault = entry + " was changed: its hash is " + hex(link(claim)) + ", recorded is " +
                      hex(claim.hash);
    else if (!paintings.insert(claim.painting).second)
      verdict.fault = entry + " gives painting " + claim.painting + " away a second time";
    else if (!visitors.insert(claim.visitor).second)
      verdict.fault = entry + " gives a visitor a second painting, " + claim.painting;
    if (verdict.fault) return verdict;
    ++verdict.entries;
    verdict.head = claim.hash;
  }
  return verdict;
}

}  // namespace vernissage::gallery
