#include "server/http/listening_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace vernissage::http {
namespace {

constexpr int kFirstHandedOver = 3;  // SD_LISTEN_FDS_START

std::string reason() {
  return std::strerror(errno);
}

// True when somebody answers at the Unix socket `address`.
bool is_answered(const sockaddr_un& address) {
  const int caller = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (caller < 0) return false;
  const bool answered =
      ::connect(caller, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(caller);
  return answered;
}

int option(int descriptor, int name) {
  int value = 0;
  socklen_t bytes = sizeof value;
  return ::getsockopt(descriptor, SOL_SOCKET, name, &value, &bytes) == 0 ? value : -1;
}

// A variable of the protocol; -1 when it is not there or no number.
int number_of(const char* variable) {
  const char* text = std::getenv(variable);
  if (!text) return -1;
  const char* last = text + std::strlen(text);
  int value = 0;
  const auto [end, failed] = std::from_chars(text, last, value);
  return failed == std::errc() && end == last && value >= 0 ? value : -1;
}

}  // namespace

ListeningSocket ListeningSocket::on_port(const std::string& host, uint16_t port) {
  addrinfo hints{};
  // Names are not asked of the network, which may not be there yet; this one is known.
  const std::string numeric = host == "localhost" ? "127.0.0.1" : host;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (host.empty() ||
      ::getaddrinfo(numeric.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    throw Error(host + ": expected an IP address such as 127.0.0.1 or ::, or localhost");
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> address(found, ::freeaddrinfo);
  const auto fail = [&] {
    throw Error("cannot listen on " + host + ", port " + std::to_string(port) + ": " + reason());
  };
  ListeningSocket socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.descriptor_ < 0) fail();
  const int yes = 1;
  // Else a restarted server waits a minute for the connections of the last one.
  ::setsockopt(socket.descriptor_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(socket.descriptor_, address->ai_addr, address->ai_addrlen) != 0 ||
      ::listen(socket.descriptor_, SOMAXCONN) != 0)
    fail();
  socket.read_address();
  return socket;
}

ListeningSocket ListeningSocket::at_path(const std::filesystem::path& path) {
  const auto fail = [&](const std::string& why) {
    throw Error("cannot listen on " + path.string() + ": " + why);
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.string().size() >= sizeof address.sun_path) fail("the path is too long");
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  if (std::filesystem::is_socket(path)) {
    if (is_answered(address)) fail("somebody listens there already");
    ::unlink(path.c_str());  // left behind by a server that was killed
  }
  ListeningSocket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.descriptor_ < 0 ||
      ::bind(socket.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail(reason());
  socket.own_path_ = path;
  if (::listen(socket.descriptor_, SOMAXCONN) != 0) fail(reason());
  ::chmod(path.c_str(), 0660);
  socket.read_address();
  return socket;
}

bool ListeningSocket::is_handed_over() {
  return number_of("LISTEN_PID") == ::getpid() && number_of("LISTEN_FDS") > 0;
}

ListeningSocket ListeningSocket::handed_over() {
  const auto fail = [](const std::string& why) {
    throw Error("cannot listen on the socket that is handed over: " + why);
  };
  const auto shown = [](const char* variable) {
    const char* text = std::getenv(variable);
    return std::string(variable) + (text ? " is '" + std::string(text) + "'" : " is not set");
  };
  if (number_of("LISTEN_PID") != ::getpid())
    fail(shown("LISTEN_PID") + ", and this process is " + std::to_string(::getpid()));
  if (number_of("LISTEN_FDS") != 1) fail(shown("LISTEN_FDS") + ", expected 1 socket");
  const std::string name = "descriptor " + std::to_string(kFirstHandedOver);
  if (::fcntl(kFirstHandedOver, F_SETFD, FD_CLOEXEC) != 0) fail(name + ": " + reason());
  if (option(kFirstHandedOver, SO_TYPE) != SOCK_STREAM) fail(name + " is no stream socket");
  if (option(kFirstHandedOver, SO_ACCEPTCONN) != 1) fail(name + " does not listen");
  ListeningSocket socket(kFirstHandedOver);
  socket.read_address();
  return socket;
}

void ListeningSocket::read_address() {
  sockaddr_storage address{};
  socklen_t bytes = sizeof address;
  if (::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &bytes) != 0)
    throw Error("cannot tell where a socket listens: " + reason());
  family_ = address.ss_family;
  if (family_ == AF_UNIX) {
    const auto* local = reinterpret_cast<const sockaddr_un*>(&address);
    std::string path(local->sun_path, bytes - offsetof(sockaddr_un, sun_path));
    // A name that begins with a zero is abstract, and written with '@'; others end with one.
    if (path.starts_with('\0')) {
      path[0] = '@';
    } else {
      path = path.c_str();
    }
    url_ = "unix:" + path;
    return;
  }
  if (family_ != AF_INET && family_ != AF_INET6)
    throw Error("cannot listen on the socket that is handed over: it is neither TCP nor Unix");
  char host[NI_MAXHOST], service[NI_MAXSERV];
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), bytes, host, sizeof host, service,
                    sizeof service, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    throw Error("cannot tell where a socket listens");
  port_ = static_cast<uint16_t>(std::atoi(service));
  const std::string name = host;
  url_ = "http://" + (family_ == AF_INET6 ? '[' + name + ']' : name) + ':' + service;
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : descriptor_(other.release()),
      family_(other.family_),
      port_(other.port_),
      url_(std::move(other.url_)),
      own_path_(std::exchange(other.own_path_, {})) {}

ListeningSocket::~ListeningSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!own_path_.empty()) ::unlink(own_path_.c_str());
}

int ListeningSocket::release() noexcept {
  return std::exchange(descriptor_, -1);
}

}  // namespace vernissage::http
