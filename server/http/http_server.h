// HTTP/1.1 over TCP or a Unix socket: accepts, reads, keeps the limits and deadlines, asks the
// handler, writes. http_server.cpp is the only file that sees Boost.Beast and Asio, which take ten
// seconds to compile.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "server/http/framing.h"
#include "server/http/limits.h"
#include "server/http/listening_socket.h"
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
    std::function<bool(const std::string& peer)> is_unlimited_peer = nullptr;
    size_t connections_per_address_max = kConnectionsPerAddressMax;
    std::chrono::milliseconds write_stall = kWriteStallMs;
    std::chrono::milliseconds first_byte = kFirstByteMs;
    size_t write_bytes_per_second_min = kWriteBytesPerSecondMin;  // ≥ 1
  };

  /// Nobody is answered before start().
  HttpServer(ListeningSocket socket, Parts parts);
  /// ListeningSocket::on_port().
  HttpServer(const std::string& host, uint16_t port, Parts parts);
  /// ListeningSocket::at_path().
  HttpServer(const std::filesystem::path& path, Parts parts);
  /// stop().
  ~HttpServer();

  uint16_t port() const;    // 0 for a Unix socket
  std::string url() const;  // ListeningSocket::url()

  /// Requests of which a byte has come and not the whole answer has gone, streams included.
  size_t requests_under_way() const;
  size_t connections() const;

  /// Answers, on `threads` threads of its own. Once.
  void start(int threads);

  /// From now on each answer is the last on its connection, and says so (Connection: close):
  /// whoever keeps connections open has fewer when drain() comes, which must cut those off that are
  /// silent.
  void wind_down();

  /// wind_down(). Takes no more connections, lets the answers under way end (kDrainMs at most),
  /// streams after the piece they are at, and closes the others; who has just come and said nothing
  /// yet has Parts::first_byte for it. True when every request got its answer. A socket that was
  /// handed over goes on listening: who connects from now on waits for the next process.
  bool drain();

  /// Ends at once what is left; afterwards no handler runs. A Reply may still be given, and is
  /// lost.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vernissage::http
