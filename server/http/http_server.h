// HTTP/1.1 over TCP or a Unix socket: accepts, reads, keeps the limits and deadlines, asks the
// handler, writes. http_server.cpp is the only file that sees Boost.Beast and Asio.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "server/http/framing.h"
#include "server/http/limits.h"
#include "server/http/message.h"

namespace vernissage::http {

class HttpServer {
 public:
  struct Parts {
    Handler handle;
    /// Answers a request that was refused before it became one. `id` as in Request::id.
    std::function<Response(const Refusal&, const std::string& id)> refuse;
    /// After each answer; status 0: the peer was gone first. May be called from several threads.
    std::function<void(const Request&, int status, size_t body_bytes, double ms)> on_answered;
    /// A failed accept, and the like: once a line.
    std::function<void(const std::string& what)> on_trouble;
    /// True for a peer ("192.0.2.7") that may have any number of connections: a proxy that speaks
    /// for many. Empty: nobody.
    std::function<bool(const std::string& peer)> speaks_for_many = nullptr;
    size_t connections_per_address_max = kConnectionsPerAddressMax;
    std::chrono::milliseconds write_stall = kWriteStallMs;
    size_t write_bytes_per_second_min = kWriteBytesPerSecondMin;  // ≥ 1
  };

  /// Listens on host (an address, not a name) and port; port 0: any free one. Throws Error naming
  /// both and the reason. Nobody is answered before start().
  HttpServer(const std::string& host, uint16_t port, Parts parts);
  /// Listens on a Unix socket at `path`, mode 0660. A socket that nobody listens on any more is
  /// replaced. Throws Error naming the path when anything else is there.
  HttpServer(const std::filesystem::path& path, Parts parts);
  /// stop(), and the Unix socket's file is gone.
  ~HttpServer();

  uint16_t port() const;  // 0 for a Unix socket
  /// "http://127.0.0.1:8080", "http://[::1]:8080", "unix:/run/vernissage.sock"
  std::string url() const;

  /// Requests of which a byte has come and not the whole answer has gone, streams included.
  size_t requests_under_way() const;
  size_t connections() const;

  /// Answers, on `threads` threads of its own. Once.
  void start(int threads);

  /// Takes no more connections, lets the answers under way end (kDrainMs at most), streams after
  /// the piece they are at, and closes the others. True when every request got its answer.
  bool drain();

  /// Ends at once what is left; afterwards no handler runs. A Reply may still be given, and is
  /// lost.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vernissage::http
