#include "tests/support/child.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>

#include "tests/support/tiny_network.h"

namespace vernissage::testing {
namespace {

using Clock = std::chrono::steady_clock;

bool connect_to(int socket, const sockaddr* address, socklen_t bytes) {
  return ::connect(socket, address, bytes) == 0;
}

// In the child that they are for.
void hand_over(const std::vector<int>& descriptors) {
  if (descriptors.empty()) return;
  constexpr int kFirst = 3, kOutOfTheWay = 100;
  std::vector<int> copies;
  for (const int descriptor : descriptors)
    copies.push_back(::fcntl(descriptor, F_DUPFD, kOutOfTheWay));
  int next = kFirst;
  for (const int copy : copies) {
    ::dup2(copy, next++);
    ::close(copy);
  }
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", std::to_string(descriptors.size()).c_str(), 1);
}

}  // namespace

std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Child::Child(const std::vector<std::string>& arguments, const std::filesystem::path& log,
             const std::vector<std::string>& environment, const std::vector<int>& handed_over)
    : out_(log.string() + ".out"), err_(log.string() + ".err") {
  // What an earlier child said there must not be taken for this one's words.
  std::filesystem::remove(out_);
  std::filesystem::remove(err_);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ != 0) return;
  const auto redirect = [](const std::string& path, int to) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(file, to);
    ::close(file);
  };
  redirect(out_, STDOUT_FILENO);
  redirect(err_, STDERR_FILENO);
  hand_over(handed_over);
  for (const std::string& variable : environment) ::putenv(const_cast<char*>(variable.c_str()));
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

Child::~Child() {
  if (status_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Child::signal(int number) const {
  ::kill(pid_, number);
}

bool Child::has_ended() {
  int raw = 0;
  if (!status_ && ::waitpid(pid_, &raw, WNOHANG) == pid_)
    status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 1000 + WTERMSIG(raw);
  return status_.has_value();
}

int Child::wait() {
  const auto end = Clock::now() + kPatience;
  while (!has_ended() && Clock::now() < end) ::usleep(5000);
  return status_.value_or(-1);
}

std::string Child::say(const std::string& pattern, bool in_err) {
  std::smatch match;
  const std::regex wanted(pattern);
  const auto end = Clock::now() + kPatience;
  for (bool last = false; !last && Clock::now() < end; ::usleep(5000)) {
    last = has_ended();
    const std::string text = in_err ? err() : out();
    if (std::regex_search(text, match, wanted)) return match[1].str();
  }
  return "";
}

void hang_tiny_gallery(const std::string& binary, const std::filesystem::path& directory,
                       const std::vector<std::string>& options) {
  save_network(directory / "net.safetensors", tiny_network(256));
  std::vector<std::string> arguments = {binary, "hang", (directory / "net.safetensors").string(),
                                        "--out", (directory / "gallery").string()};
  arguments.insert(arguments.end(), options.begin(), options.end());
  Child hang(arguments, directory / "hang");
  EXPECT_EQ(hang.wait(), 0) << hang.err();
}

std::string Answer::field(const std::string& name) const {
  std::smatch match;
  const std::regex line("\r\n" + name + ": ([^\r]*)\r\n", std::regex::icase);
  return std::regex_search(head, match, line) ? match[1].str() : "";
}

Wire::Wire(const std::string& endpoint) {
  const bool local = endpoint.starts_with("unix:");
  socket_ = ::socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (local) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    endpoint.substr(5).copy(address.sun_path, sizeof address.sun_path - 1);
    connected_ = connect_to(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } else {
    sockaddr_in address{};
    const size_t colon = endpoint.rfind(':');
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(endpoint.substr(colon + 1))));
    ::inet_pton(AF_INET, endpoint.substr(0, colon).c_str(), &address.sin_addr);
    connected_ = connect_to(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  const timeval patience{kPatience.count(), 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

Wire::~Wire() {
  ::close(socket_);
}

void Wire::send(const std::string& bytes) {
  ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

void Wire::ask(const std::string& method, const std::string& path, const std::string& fields,
               const std::string& body) {
  std::string head = method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields;
  if (!body.empty() || method == "POST")
    head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  send(head + "\r\n" + body);
}

Answer Wire::receive_head() {
  Answer answer;
  while (buffer_.find("\r\n\r\n") == std::string::npos)
    if (!read_more()) return {};
  const size_t end = buffer_.find("\r\n\r\n") + 4;
  answer.head = buffer_.substr(0, end);
  buffer_.erase(0, end);
  answer.status = std::stoi(answer.head.substr(9, 3));
  return answer;
}

Answer Wire::receive(bool body_follows) {
  Answer answer = receive_head();
  const std::string length = answer.field("Content-Length");
  if (!body_follows || answer.status == 304 || length.empty()) return answer;
  const size_t bytes = std::stoul(length);
  while (buffer_.size() < bytes)
    if (!read_more()) return {};
  answer.body = buffer_.substr(0, bytes);
  buffer_.erase(0, bytes);
  return answer;
}

std::string Wire::receive_all() {
  while (read_more()) {
  }
  return std::move(buffer_);
}

bool Wire::is_closed_by_server() {
  return buffer_.empty() && !read_more();
}

bool Wire::read_more() {
  char bytes[4096];
  const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
  if (count <= 0) return false;
  buffer_.append(bytes, static_cast<size_t>(count));
  return true;
}

Answer ask(const std::string& endpoint, const std::string& method, const std::string& path,
           const std::string& fields, const std::string& body) {
  Wire wire(endpoint);
  wire.ask(method, path, fields, body);
  return wire.receive(method != "HEAD");
}

}  // namespace vernissage::testing
