#include "server/metrics/server_metrics.h"

#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>

namespace vernissage::metrics {
namespace {

// The methods that have a name of their own here; a visitor may send any word.
std::string known_method(std::string_view method) {
  for (const std::string_view known : {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
    if (method == known) return std::string(method);
  return "other";
}

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double pages = 0, resident = 0;
  file >> pages >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double open_descriptors() {
  double count = 0;
  std::error_code failed;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", failed), end;
       !failed && entry != end; entry.increment(failed))
    ++count;
  return count - 1;  // the directory itself was open while we counted
}

double cpu_seconds() {
  timespec spent{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

}  // namespace

ServerMetrics::ServerMetrics(const std::string& version)
    : requests_(registry_.counters("vernissage_http_requests_total",
                                   "Answers, by route, method and status (0: the peer had left).",
                                   {"route", "method", "code"})),
      request_seconds_(registry_.histograms("vernissage_http_request_seconds",
                                            "From a request's first byte to its answer's last.",
                                            {"route"}, seconds_limits())),
      rejected_(registry_.counters("vernissage_rejected_total",
                                   "Requests turned away: framing, rate (429), busy (503).",
                                   {"reason"})),
      claims(registry_.counters("vernissage_claims_total", "Claims, by what they came to.",
                                {"result"})),
      claim_commit_seconds(registry_.histogram("vernissage_claim_commit_seconds",
                                               "A claim's way through the store, to the disk.",
                                               seconds_limits())),
      queue_seconds(registry_.histogram("vernissage_render_queue_seconds",
                                        "How long a picture waited for the renderer.",
                                        seconds_limits())),
      render_seconds(registry_.histogram("vernissage_render_seconds", "Painting of one batch.",
                                         seconds_limits())),
      batch_size(registry_.histogram("vernissage_render_batch_size",
                                     "Pictures painted together; sum: pictures, count: batches.",
                                     batch_limits())),
      finish_seconds(registry_.histogram(
          "vernissage_finish_seconds",
          "From a painted picture to all of its files: reduction, encoding, writing.",
          seconds_limits())),
      encode_seconds(registry_.histograms(
          "vernissage_encode_seconds",
          "One file of a picture: its reduction and encoding; png: and certificate and writing.",
          {"format"}, seconds_limits())) {
  registry_.read("vernissage_build_info", "Always 1; the version is the label.", "gauge",
                 {"version"}, [version] {
                   return std::vector<Registry::Sample>{{{version}, 1}};
                 });
  registry_.read("process_resident_memory_bytes", "Memory that is really there.", "gauge",
                 resident_bytes);
  registry_.read("process_open_fds", "Open descriptors.", "gauge", open_descriptors);
  registry_.read("process_cpu_seconds_total", "Processor time spent.", "counter", cpu_seconds);
  const auto start = static_cast<double>(std::time(nullptr));
  registry_.read("process_start_time_seconds", "Start of the process, since 1970.", "gauge",
                 [start] { return start; });
}

void ServerMetrics::answered(std::string_view route, std::string_view method, int status,
                             double seconds) {
  const std::string where(route);
  requests_.with({where, known_method(method), std::to_string(status)}).add();
  request_seconds_.with({where}).observe(seconds);
  if (status == 429) rejected_.with({"rate"}).add();
  // A 503 of /readyz is the answer itself: whoever watches was not turned away.
  if (status == 503 && route != "/readyz") rejected_.with({"busy"}).add();
}

}  // namespace vernissage::metrics
