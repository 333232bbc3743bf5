#include "server/http/http_server.h"

#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <condition_variable>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "engine/error.h"
#include "server/http/limits.h"

namespace vernissage::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;
// One strand a connection: its handlers never run at the same time, whichever thread they are on.
using Stream = beast::basic_stream<tcp, asio::strand<asio::io_context::executor_type>>;
using Clock = std::chrono::steady_clock;

// Completes with (error_code, result) instead of throwing: a peer that leaves is no exception.
constexpr auto kResult = asio::as_tuple(asio::use_awaitable);

// 64 bits: a random beginning for this process, then counted. Names a request in the log; it is no
// secret and guards nothing.
std::string next_request_id() {
  static const uint64_t start = [] {
    std::random_device device;
    return (static_cast<uint64_t>(device()) << 32) | device();
  }();
  static std::atomic<uint64_t> count = 0;
  char text[17];
  std::snprintf(text, sizeof text, "%016llx",
                static_cast<unsigned long long>(start + count.fetch_add(1)));
  return text;
}

std::string_view readable(const beast::flat_buffer& buffer) {
  return {static_cast<const char*>(buffer.data().data()), buffer.size()};
}

}  // namespace

struct HttpServer::State {
  class Session;

  explicit State(Parts p) : parts(std::move(p)), acceptor(asio::make_strand(context)) {}

  asio::awaitable<void> accept_all();
  void close_idle();

  Parts parts;
  asio::io_context context;
  tcp::acceptor acceptor;  // on a strand of its own
  std::string host;
  uint16_t port = 0;
  std::vector<std::thread> threads;

  std::mutex mutex;  // guards what follows
  std::condition_variable calm;
  std::set<std::shared_ptr<Session>> sessions;
  size_t busy = 0;  // sessions with a request under way
  std::atomic<bool> draining = false;
};

// One connection: reads a request, has it answered, writes the answer, and again.
class HttpServer::State::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Stream::socket_type socket, State& state) : state_(state), stream_(std::move(socket)) {}

  asio::awaitable<void> run() {
    const auto self = shared_from_this();
    try {
      while (co_await serve_one()) {
      }
    } catch (const std::exception& exception) {
      // Memory, most likely: this connection ends, the others do not.
      state_.parts.on_trouble(std::string("connection ended: ") + exception.what());
    }
    set_busy(false);
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.close();
    const std::lock_guard lock(state_.mutex);
    state_.sessions.erase(self);
    state_.calm.notify_all();
  }

  auto executor() { return stream_.get_executor(); }

  /// Ends the connection where no request is under way. On the strand only.
  void close_if_idle() {
    if (!busy_) stream_.cancel();
  }

 private:
  void set_busy(bool busy) {
    if (busy == busy_) return;
    busy_ = busy;
    const std::lock_guard lock(state_.mutex);
    if (busy) {
      ++state_.busy;
    } else if (--state_.busy == 0) {
      state_.calm.notify_all();
    }
  }

  // False: the connection ends.
  asio::awaitable<bool> serve_one() {
    if (state_.draining) co_return false;
    const auto head_bytes = co_await read_head();
    if (!head_bytes) co_return false;
    const auto start = Clock::now();
    Request request;
    request.id = next_request_id();

    std::optional<Refusal> refusal;
    Head head;
    if (*head_bytes == 0) {
      refusal = refuse_endless_head(readable(buffer_));
    } else {
      refusal = check_head(readable(buffer_).substr(0, *head_bytes), &head);
    }
    bool keep_alive = false;
    if (!refusal) {
      const auto read = co_await read_request(head, &request, &refusal);
      if (!read) co_return false;
      keep_alive = *read;
    }
    Response response;
    if (refusal) {
      response = state_.parts.refuse(*refusal, request.id);
      response.close = true;
    } else {
      response = co_await answer(request);
    }
    if (state_.draining) response.close = true;
    keep_alive = keep_alive && !response.close;

    const int status = response.status;
    const size_t body_bytes = request.is_head() ? 0 : response.body.size();
    const bool written = co_await write(request, std::move(response), keep_alive);
    const std::chrono::duration<double, std::milli> spent = Clock::now() - start;
    state_.parts.on_answered(request, written ? status : 0, body_bytes, spent.count());
    set_busy(false);
    if (refusal && written) co_await linger();
    co_return written&& keep_alive;
  }

  // Bytes of the next head, empty line included; 0: it has kHeaderBytesMax and no end; nothing: the
  // peer left, or was idle or slow for too long. Busy from its first byte on.
  asio::awaitable<std::optional<size_t>> read_head() {
    if (buffer_.size() == 0) {
      stream_.expires_after(kIdleMs);
    } else {
      start_head();
    }
    while (true) {
      const size_t end = readable(buffer_).substr(0, kHeaderBytesMax).find("\r\n\r\n");
      if (end != std::string_view::npos) co_return end + 4;
      if (buffer_.size() >= kHeaderBytesMax) co_return 0;
      const auto [failed, count] = co_await stream_.async_read_some(
          buffer_.prepare(kHeaderBytesMax + kBodyBytesMax - buffer_.size()), kResult);
      if (failed) co_return std::nullopt;
      const bool first = buffer_.size() == 0;
      buffer_.commit(count);
      if (first) start_head();
    }
  }

  // The deadline stands from the first byte on, however slowly the others drip in.
  void start_head() {
    stream_.expires_after(kHeaderMs);
    set_busy(true);
  }

  // Fills `request`; true: the connection may be kept. Sets *refusal where Beast finds a fault that
  // the gate let through. Nothing: the peer left or was slow.
  asio::awaitable<std::optional<bool>> read_request(const Head& head, Request* request,
                                                    std::optional<Refusal>* refusal) {
    beast::http::request_parser<beast::http::string_body> parser;
    parser.header_limit(2 * kHeaderBytesMax);  // the gate has counted; Beast counts otherwise
    parser.body_limit(kBodyBytesMax);
    parser.eager(true);
    if (head.content_length > 0) stream_.expires_after(kBodyMs);
    const auto [failed, count] =
        co_await beast::http::async_read(stream_, buffer_, parser, kResult);
    if (failed) {
      using beast::http::error;
      const bool fault = failed.category() == make_error_code(error::bad_method).category();
      if (!fault || failed == error::end_of_stream || failed == error::partial_message)
        co_return std::nullopt;
      *refusal = Refusal{400, "not a request that can be read"};
      co_return false;
    }
    auto& message = parser.get();
    request->method = std::string(message.method_string());
    const std::string_view target(message.target().data(), message.target().size());
    const size_t question = std::min(target.find('?'), target.size());
    request->path = target.substr(0, question);
    if (question < target.size()) request->query = target.substr(question + 1);
    for (const auto& field : message)
      request->fields.emplace_back(std::string(field.name_string()), std::string(field.value()));
    request->body = std::move(message.body());
    co_return message.keep_alive();
  }

  // Hands the request over and waits without holding a thread. The reply may come from anywhere;
  // the coroutine goes on on its own strand.
  asio::awaitable<Response> answer(const Request& request) {
    stream_.expires_never();
    auto initiate = [this, &request](auto completion) {
      auto shared = std::make_shared<decltype(completion)>(std::move(completion));
      auto work = asio::make_work_guard(stream_.get_executor());
      Reply reply([shared, work, executor = stream_.get_executor()](Response response) {
        asio::post(executor, [shared, answered = std::move(response)]() mutable {
          (*shared)(std::move(answered));
        });
      });
      try {
        state_.parts.handle(request, std::move(reply));
      } catch (const std::exception& exception) {
        // The dropped Reply has answered 500.
        state_.parts.on_trouble(std::string("handler: ") + exception.what());
      }
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Response)>(
        std::move(initiate), asio::use_awaitable);
  }

  asio::awaitable<bool> write(const Request& request, Response response, bool keep_alive) {
    beast::http::response<beast::http::string_body> message;
    message.version(11);
    message.result(static_cast<unsigned>(response.status));
    const std::string_view reason = reason_phrase(response.status);
    message.reason({reason.data(), reason.size()});
    for (const auto& [name, value] : response.fields) message.insert(name, value);
    // A 304 speaks of no body at all; HEAD gives the length that GET would have.
    const bool bodiless = request.is_head() || response.status == 304;
    if (response.status != 304) message.content_length(response.body.size());
    if (!bodiless) message.body() = std::move(response.body);
    message.keep_alive(keep_alive);

    beast::http::response_serializer<beast::http::string_body> serializer(message);
    serializer.split(bodiless);
    while (!(bodiless ? serializer.is_header_done() : serializer.is_done())) {
      stream_.expires_after(kWriteStallMs);  // anew after each piece the peer took
      const auto [failed, count] =
          co_await beast::http::async_write_some(stream_, serializer, kResult);
      if (failed) co_return false;
    }
    co_return true;
  }

  // A connection closed on bytes not yet read is reset, and the peer may lose the refusal it was
  // about to read. So: no more from us, and a moment of listening.
  asio::awaitable<void> linger() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(kLingerMs);
    std::array<char, 4096> discarded;
    for (size_t total = 0; total < kLingerBytesMax;) {
      const auto [failed, count] =
          co_await stream_.async_read_some(asio::buffer(discarded), kResult);
      if (failed) co_return;
      total += count;
    }
  }

  State& state_;
  Stream stream_;
  beast::flat_buffer buffer_{kHeaderBytesMax + kBodyBytesMax};
  bool busy_ = false;  // a request is under way; on the strand only
};

// Goes on after every failure: out of descriptors, a peer that left between SYN and accept.
asio::awaitable<void> HttpServer::State::accept_all() {
  while (acceptor.is_open()) {
    auto [failed, socket] = co_await acceptor.async_accept(asio::make_strand(context), kResult);
    if (failed == asio::error::operation_aborted || !acceptor.is_open()) co_return;
    if (failed) {
      parts.on_trouble("accept: " + failed.message());
      asio::steady_timer pause(acceptor.get_executor(), kAcceptRetryMs);
      co_await pause.async_wait(kResult);
      continue;
    }
    try {
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      auto session = std::make_shared<Session>(std::move(socket), *this);
      {
        const std::lock_guard lock(mutex);
        if (sessions.size() >= kConnectionsMax) continue;  // closed by leaving scope
        sessions.insert(session);
      }
      // Without the lock: a session may run at once, here, and take it.
      asio::co_spawn(session->executor(), session->run(), asio::detached);
    } catch (const std::exception& exception) {
      parts.on_trouble(std::string("accept: ") + exception.what());
    }
  }
}

void HttpServer::State::close_idle() {
  const std::lock_guard lock(mutex);
  for (const auto& session : sessions)
    asio::post(session->executor(), [session] { session->close_if_idle(); });
}

HttpServer::HttpServer(const std::string& host, uint16_t port, Parts parts)
    : state_(std::make_unique<State>(std::move(parts))) {
  const auto fail = [&](const error_code& reason) {
    throw Error("cannot listen on " + host + ", port " + std::to_string(port) + ": " +
                reason.message());
  };
  error_code failed;
  const auto address = asio::ip::make_address(host, failed);
  if (failed) throw Error(host + ": expected an IP address such as 127.0.0.1 or ::");
  const tcp::endpoint endpoint(address, port);
  if (state_->acceptor.open(endpoint.protocol(), failed)) fail(failed);
  if (state_->acceptor.set_option(tcp::acceptor::reuse_address(true), failed)) fail(failed);
  if (state_->acceptor.bind(endpoint, failed)) fail(failed);
  if (state_->acceptor.listen(asio::socket_base::max_listen_connections, failed)) fail(failed);
  state_->host = address.is_v6() ? "[" + host + "]" : host;
  state_->port = state_->acceptor.local_endpoint().port();
}

HttpServer::~HttpServer() {
  stop();
}

void HttpServer::start(int threads) {
  asio::co_spawn(state_->acceptor.get_executor(), state_->accept_all(), asio::detached);
  for (int i = 0; i < threads; ++i) state_->threads.emplace_back([this] { state_->context.run(); });
}

void HttpServer::stop() {
  state_->context.stop();
  for (auto& thread : state_->threads) thread.join();
  state_->threads.clear();
}

uint16_t HttpServer::port() const {
  return state_->port;
}

std::string HttpServer::url() const {
  return "http://" + state_->host + ":" + std::to_string(port());
}

bool HttpServer::drain() {
  state_->draining = true;
  asio::post(state_->acceptor.get_executor(), [this] {
    error_code ignored;
    state_->acceptor.close(ignored);
  });
  state_->close_idle();
  std::unique_lock lock(state_->mutex);
  return state_->calm.wait_for(lock, kDrainMs, [this] { return state_->busy == 0; });
}

}  // namespace vernissage::http
