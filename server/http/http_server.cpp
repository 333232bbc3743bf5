#include "server/http/http_server.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/scheduling.h"
#include "server/http/connection_count.h"
#include "server/http/limits.h"
#include "server/http/listening_socket.h"
#include "server/http/mailbox.h"
#include "server/http/peer.h"
#include "server/http/stream_pull.h"

namespace vernissage::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;
// TCP or a Unix socket, told apart only where one is opened.
using Protocol = asio::generic::stream_protocol;
// One strand a connection: its handlers never run at the same time, whichever thread they are on.
using Strand = asio::strand<asio::io_context::executor_type>;
using Stream = beast::basic_stream<Protocol, Strand>;
using Acceptor = asio::basic_socket_acceptor<Protocol>;
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

// A connection is a descriptor, and the soft limit is often 1024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, kConnectionsMax + 1024);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// The body of one answer among all that are under way, counted while it is being sent.
class Sending {
 public:
  Sending(std::atomic<size_t>& all, size_t bytes)
      : all_(all), bytes_(bytes), total_(all += bytes) {}
  ~Sending() { all_ -= bytes_; }
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;

  size_t total() const { return total_; }  // when it began, itself included

 private:
  std::atomic<size_t>& all_;
  const size_t bytes_;
  const size_t total_;
};

// Runs jobs on a connection's strand.
Post post_to(const Strand& strand) {
  return [strand](std::function<void()> job) { asio::post(strand, std::move(job)); };
}

}  // namespace

struct HttpServer::State {
  class Session;

  State(ListeningSocket s, Parts p)
      : parts(std::move(p)),
        socket(std::move(s)),
        is_local(socket.family() == AF_UNIX),
        acceptor(asio::make_strand(context)) {
    const std::string where = socket.url();
    error_code failed;
    acceptor.assign(Protocol(socket.family(), 0), socket.release(), failed);
    if (failed) throw Error("cannot accept at " + where + ": " + failed.message());
  }

  asio::awaitable<void> accept_all();
  // Takes in who has connected.
  void welcome(Stream::socket_type newcomer);
  // Tells every connection to close where nothing is under way, but for those who have come and not
  // yet spoken where they are spared.
  enum class Silent { spared, too };
  void close_idle(Silent silent);

  const Parts parts;
  ListeningSocket socket;
  const bool is_local;  // a Unix socket: whoever comes has no address
  asio::io_context context;
  Acceptor acceptor;  // on a strand of its own
  std::vector<std::thread> threads;

  ConnectionCount count;
  std::mutex mutex;  // guards sessions
  std::set<std::shared_ptr<Session>> sessions;

  std::atomic<size_t> bytes_sent = 0;      // of the bodies of answers under way
  std::atomic<bool> winding_down = false;  // each answer is the last on its connection
  std::atomic<bool> draining = false;      // whoever is not asking goes
};

// One connection: reads a request, has it answered, writes the answer, and again.
class HttpServer::State::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Stream::socket_type socket, Peer peer, State& state)
      : state_(state), stream_(std::move(socket)), peer_(std::move(peer)) {}

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
    {
      const std::lock_guard lock(state_.mutex);
      state_.sessions.erase(self);
    }
    state_.count.go(peer_, has_sent_bytes_);
  }

  auto executor() { return stream_.get_executor(); }

  /// Ends the connection where no request is under way, and a stream after its piece. A request
  /// that has come and was not read yet is under way. On the strand only.
  void close_if_idle(Silent silent) {
    if (!busy_ && has_input()) on_first_byte();
    if (!busy_ && (has_sent_bytes_ || silent == Silent::too)) stream_.cancel();
    if (const auto pull = pull_.lock()) pull->interrupt(Turn::closing);
  }

  /// Lets go of what others may still hold: the way to answer, the next piece of a stream. Without
  /// threads only.
  void abandon() {
    if (const auto box = answer_.lock()) {
      box->shut();
      box->wake = nullptr;
    }
    if (const auto pull = pull_.lock()) {
      pull->box->shut();
      pull->box->wake = nullptr;
    }
  }

 private:
  // What the peer has to take `bytes` in, all in all.
  Clock::duration write_time(size_t bytes) const {
    return state_.parts.write_stall +
           std::chrono::milliseconds(bytes * 1000 / state_.parts.write_bytes_per_second_min);
  }

  void set_busy(bool busy) {
    if (busy == busy_) return;
    busy_ = busy;
    if (busy) {
      state_.count.begin_request();
    } else {
      state_.count.end_request();
    }
  }

  // Bytes that have come and were not read. On the strand only.
  bool has_input() {
    char byte;
    return ::recv(stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }

  void on_first_byte() {
    set_busy(true);
    if (has_sent_bytes_) return;
    has_sent_bytes_ = true;
    state_.count.first_byte();
  }

  // False: the connection ends.
  asio::awaitable<bool> serve_one() {
    // Whoever was told that the connection stays has perhaps asked again already.
    if (state_.draining && has_sent_bytes_ && buffer_.size() == 0 && !has_input()) co_return false;
    const auto head_bytes = co_await read_head();
    if (!head_bytes) co_return false;
    const auto start = Clock::now();
    Request request;
    request.id = next_request_id();
    request.peer = peer_.name;

    std::optional<Refusal> refusal;
    Head head;
    if (*head_bytes == 0) {
      refusal = refuse_endless_head(readable(buffer_));
    } else {
      refusal = check_head(readable(buffer_).substr(0, *head_bytes), &head);
    }
    ConnectionOptions manner;
    if (!refusal) {
      const auto read = co_await read_request(head, &request, &refusal);
      if (!read) co_return false;
      manner = *read;
    }
    Response response;
    if (refusal) {
      response = state_.parts.refuse(*refusal, request.id);
      response.close = true;
    } else {
      std::stop_source left;
      request.left = left.get_token();
      response = co_await answer(request, std::move(left));
    }
    const Sending sending(state_.bytes_sent, response.stream ? 0 : response.body.size());
    if (sending.total() > kSendingBytesMax && response.body.size() > kSmallBodyBytes) {
      response = state_.parts.refuse(
          Refusal{503, "too many large answers are being sent; try again in a few seconds"},
          request.id);
      response.set("Retry-After", std::to_string(kSendingRetrySeconds));
    }
    if (state_.winding_down || response.stream) response.close = true;
    manner.keep_alive = manner.keep_alive && !response.close;

    const int status = response.status;
    size_t body_bytes = request.is_head() || response.stream ? 0 : response.body.size();
    const auto body = response.stream;
    bool written = co_await write(request, std::move(response), manner);
    // Who leaves a stream in the middle has had an answer all the same.
    if (body && written && !request.is_head())
      body_bytes = co_await write_stream(body, /*chunked=*/manner.is_1_1);
    else if (body)
      body->cancel();
    const std::chrono::duration<double, std::milli> spent = Clock::now() - start;
    state_.parts.on_answered(request, written ? status : 0, body_bytes, spent.count());
    set_busy(false);
    if (refusal && written) co_await linger();
    co_return written&& manner.keep_alive;
  }

  // What a request asks of the way its answer is sent.
  struct ConnectionOptions {
    bool keep_alive = false;
    bool is_1_1 = false;
  };

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
    on_first_byte();
  }

  // Fills `request`. Sets *refusal where Beast finds a fault that the gate let through. Nothing:
  // the peer left or was slow.
  asio::awaitable<std::optional<ConnectionOptions>> read_request(const Head& head, Request* request,
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
      co_return ConnectionOptions{};
    }
    auto& message = parser.get();
    request->method = std::string(message.method_string());
    const std::string_view target =
        path_of_target({message.target().data(), message.target().size()});
    const size_t question = std::min(target.find('?'), target.size());
    request->path = target.substr(0, question);
    if (question < target.size()) request->query = target.substr(question + 1);
    for (const auto& field : message)
      request->fields.emplace_back(std::string(field.name_string()), std::string(field.value()));
    request->body = std::move(message.body());
    co_return ConnectionOptions{message.keep_alive(), message.version() == 11};
  }

  // Hands the request over and waits without holding a thread. The reply may come from anywhere;
  // the coroutine goes on on its own strand.
  asio::awaitable<Response> answer(const Request& request, std::stop_source left) {
    stream_.expires_never();
    const auto box = std::make_shared<Mailbox<Response>>(post_to(stream_.get_executor()));
    answer_ = box;
    auto initiate = [this, &request, &box, &left](auto completion) {
      auto shared = std::make_shared<decltype(completion)>(std::move(completion));
      auto work = asio::make_work_guard(stream_.get_executor());
      box->wake = [this, shared, work](Response response) {
        error_code ignored;
        stream_.socket().cancel(ignored);  // the wait for a disconnect
        (*shared)(std::move(response));
      };
      Reply reply([box](Response response) { box->post_last(std::move(response)); });
      try {
        state_.parts.handle(request, std::move(reply));
      } catch (const std::exception& exception) {
        // The dropped Reply has answered 500.
        state_.parts.on_trouble(std::string("handler: ") + exception.what());
      }
      if (!box->is_shut()) watch_disconnect(std::move(left));
    };
    Response response =
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Response)>(
            std::move(initiate), asio::use_awaitable);
    box->shut();
    co_return response;
  }

  // Once: what has been sent behind the request stays unread, and who sends more is there.
  void watch_disconnect(std::stop_source left) {
    stream_.socket().async_wait(
        Stream::socket_type::wait_read,
        [self = shared_from_this(), left = std::move(left)](const error_code& failed) mutable {
          if (failed) return;
          char byte;
          const ssize_t count =
              ::recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
          if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) left.request_stop();
        });
  }

  asio::awaitable<bool> write(const Request& request, Response response, ConnectionOptions manner) {
    beast::http::response<beast::http::string_body> message;
    message.version(11);
    message.result(static_cast<unsigned>(response.status));
    const std::string_view reason = reason_phrase(response.status);
    message.reason({reason.data(), reason.size()});
    for (const auto& [name, value] : response.fields) message.insert(name, value);
    // A 304 speaks of no body at all; HEAD gives the length that GET would have; a stream's body
    // comes later, and to HTTP/1.0 ends with the connection.
    const bool bodiless = request.is_head() || response.status == 304 || response.stream;
    if (response.stream && manner.is_1_1) message.chunked(true);
    if (response.status != 304 && !response.stream) message.content_length(response.body.size());
    if (!bodiless) message.body() = std::move(response.body);
    message.keep_alive(manner.keep_alive);
    // To HTTP/1.0 a connection ends with its answer unless it is told otherwise (RFC 9112, 9.3).
    if (manner.keep_alive && !manner.is_1_1) message.set("Connection", "keep-alive");
    const auto deadline = Clock::now() + write_time(message.body().size());

    beast::http::response_serializer<beast::http::string_body> serializer(message);
    serializer.split(bodiless);
    while (!(bodiless ? serializer.is_header_done() : serializer.is_done())) {
      // Anew after each piece the peer took, but not for ever.
      stream_.expires_at(std::min(Clock::now() + state_.parts.write_stall, deadline));
      const auto [failed, count] =
          co_await beast::http::async_write_some(stream_, serializer, kResult);
      if (failed) co_return false;
    }
    co_return true;
  }

  // Sends a stream to its end, or until one of the two has gone. Gives the bytes of its pieces.
  asio::awaitable<size_t> write_stream(std::shared_ptr<BodyStream> body, bool chunked) {
    const auto pull = std::make_shared<Pull>(post_to(stream_.get_executor()));
    StreamEnd end{std::move(body), pull};
    pull_ = pull;
    stream_.expires_never();
    watch_reader_disconnect(pull);
    if (state_.draining) pull->interrupt(Turn::closing);
    size_t total = 0;
    bool whole = false;
    while (true) {
      if (pull->interrupted) {
        whole = *pull->interrupted == Turn::closing;
        break;
      }
      const Turn turn = co_await next_turn(*end.body, pull);
      if (turn.kind == Turn::end) end.ended = whole = true;
      if (turn.kind == Turn::closing) whole = true;
      if (turn.kind != Turn::piece) break;
      if (turn.bytes.empty()) continue;
      if (!co_await write_piece(turn.bytes, chunked)) break;
      total += turn.bytes.size();
    }
    // Without the last chunk a reader knows that its body was cut off.
    if (whole && chunked) {
      stream_.expires_after(state_.parts.write_stall);
      co_await asio::async_write(stream_, asio::buffer("0\r\n\r\n", 5), kResult);
    }
    error_code ignored;
    stream_.socket().cancel(ignored);  // the read that would have told of a disconnect
    co_return total;
  }

  asio::awaitable<Turn> next_turn(BodyStream& body, std::shared_ptr<Pull> pull) {
    auto initiate = [this, &body, &pull](auto completion) {
      auto shared = std::make_shared<decltype(completion)>(std::move(completion));
      auto work = asio::make_work_guard(stream_.get_executor());
      pull->box->wake = [shared, work](Turn turn) { (*shared)(std::move(turn)); };
      try {
        body.next(pull->deliver());
      } catch (const std::exception& exception) {
        // The dropped Deliver ends the connection.
        state_.parts.on_trouble(std::string("stream: ") + exception.what());
      }
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Turn)>(
        std::move(initiate), asio::use_awaitable);
  }

  asio::awaitable<bool> write_piece(const std::string& bytes, bool chunked) {
    char size[24] = "";
    if (chunked) std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    const std::array<asio::const_buffer, 3> parts = {
        asio::buffer(size, std::strlen(size)), asio::buffer(bytes),
        asio::buffer("\r\n", chunked ? size_t{2} : size_t{0})};
    stream_.expires_after(write_time(bytes.size()));
    const auto [failed, count] = co_await asio::async_write(stream_, parts, kResult);
    co_return !failed;
  }

  // A stream may be silent for long; only reading tells that its reader has gone.
  void watch_reader_disconnect(std::shared_ptr<Pull> pull) {
    auto& unread = pull->unread;
    stream_.socket().async_read_some(
        asio::buffer(unread),
        [self = shared_from_this(), pull](const error_code& failed, size_t count) {
          pull->unread_total += count;
          if (failed || pull->unread_total > kStreamInputMax) {
            pull->interrupt(Turn::gone);
          } else {
            self->watch_reader_disconnect(pull);
          }
        });
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
  Peer peer_;
  // On the strand only:
  bool busy_ = false;                        // a request is under way
  bool has_sent_bytes_ = false;              // a byte has come
  std::weak_ptr<Mailbox<Response>> answer_;  // of the request under way
  std::weak_ptr<Pull> pull_;                 // of the stream being sent
};

// Goes on after every failure: out of descriptors, a peer that left between SYN and accept. Who was
// accepted is welcomed, however late: they think that they are talking to us.
asio::awaitable<void> HttpServer::State::accept_all() {
  while (acceptor.is_open()) {
    auto [failed, newcomer] = co_await acceptor.async_accept(asio::make_strand(context), kResult);
    if (!failed) {
      welcome(std::move(newcomer));
    } else if (failed != asio::error::operation_aborted && acceptor.is_open()) {
      parts.on_trouble("accept: " + failed.message());
      asio::steady_timer pause(acceptor.get_executor(), kAcceptRetryMs);
      co_await pause.async_wait(kResult);
    }
  }
  count.release();
}

void HttpServer::State::welcome(Stream::socket_type newcomer) {
  try {
    error_code ignored;
    if (!is_local) newcomer.set_option(tcp::no_delay(true), ignored);
    error_code left;
    const auto endpoint = newcomer.remote_endpoint(left);
    if (left) return;
    const Peer peer = peer_of(static_cast<const sockaddr*>(endpoint.data()));
    const bool counted =
        !is_local && !(parts.is_unlimited_peer && parts.is_unlimited_peer(peer.name));
    auto session = std::make_shared<Session>(std::move(newcomer), peer, *this);
    const size_t share_max = counted ? parts.connections_per_address_max : kConnectionsMax;
    if (!count.come(peer, share_max)) return;  // closed by leaving scope
    {
      const std::lock_guard lock(mutex);
      sessions.insert(session);
    }
    // Without the lock: a session may run at once, here, and take it.
    asio::co_spawn(session->executor(), session->run(), asio::detached);
  } catch (const std::exception& exception) {
    parts.on_trouble(std::string("accept: ") + exception.what());
  }
}

void HttpServer::State::close_idle(Silent who) {
  const std::lock_guard lock(mutex);
  for (const auto& session : sessions) {
    count.hold();
    asio::post(session->executor(), [this, session, who] {
      session->close_if_idle(who);
      count.release();
    });
  }
}

HttpServer::HttpServer(ListeningSocket socket, Parts parts)
    : state_(std::make_unique<State>(std::move(socket), std::move(parts))) {}

HttpServer::HttpServer(const std::string& host, uint16_t port, Parts parts)
    : HttpServer(ListeningSocket::on_port(host, port), std::move(parts)) {}

HttpServer::HttpServer(const std::filesystem::path& path, Parts parts)
    : HttpServer(ListeningSocket::at_path(path), std::move(parts)) {}

HttpServer::~HttpServer() {
  stop();
}

void HttpServer::start(int threads) {
  raise_descriptor_limit();
  state_->count.hold();  // until nobody more is accepted
  asio::co_spawn(state_->acceptor.get_executor(), state_->accept_all(), asio::detached);
  for (int i = 0; i < threads; ++i)
    state_->threads.emplace_back([this] {
      process::take_short_turns();
      state_->context.run();
    });
}

void HttpServer::stop() {
  state_->context.stop();
  for (auto& thread : state_->threads) thread.join();
  state_->threads.clear();
  for (const auto& session : state_->sessions) session->abandon();
}

uint16_t HttpServer::port() const {
  return state_->socket.port();
}

std::string HttpServer::url() const {
  return state_->socket.url();
}

size_t HttpServer::requests_under_way() const {
  return state_->count.requests();
}

size_t HttpServer::connections() const {
  return state_->count.connections();
}

void HttpServer::wind_down() {
  state_->winding_down = true;
}

bool HttpServer::drain() {
  wind_down();
  state_->draining = true;
  asio::post(state_->acceptor.get_executor(), [this] {
    error_code ignored;
    state_->acceptor.close(ignored);
  });
  state_->close_idle(State::Silent::spared);
  state_->count.wait_for_first_bytes(state_->parts.first_byte);
  state_->close_idle(State::Silent::too);
  return state_->count.wait_for_answers(kDrainMs);
}

}  // namespace vernissage::http
