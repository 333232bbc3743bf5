// What the server counts, by name. The names are part of what we promise to operators.
#pragma once

#include <string>
#include <string_view>

#include "server/metrics/registry.h"

namespace vernissage::metrics {

/// Safe to use from several threads.
class ServerMetrics {
 public:
  explicit ServerMetrics(const std::string& version);

  /// An answer: `route` is a pattern of the table ("/rooms/{}"), or "other"; status 0: the peer was
  /// gone first. What was turned away is counted by its reason as well.
  void answered(std::string_view route, std::string_view method, int status, double seconds);
  /// Bytes that never became a request.
  void refused_bytes() { rejected_.with({"framing"}).add(); }

  Registry& registry() { return registry_; }

 private:
  Registry registry_;
  Family<Counter>& requests_;
  Family<Histogram>& request_seconds_;
  Family<Counter>& rejected_;

 public:
  Family<Counter>& claims;  // {result}
  Histogram& claim_commit_seconds;
  Histogram& queue_seconds;
  Histogram& render_seconds;  // of a batch
  Histogram& batch_size;      // its sum is the number of pictures, its count that of batches
  Histogram& finish_seconds;
  Family<Histogram>& encode_seconds;  // {format}
};

}  // namespace vernissage::metrics
