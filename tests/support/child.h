// The program as a child process, and a client's end of a connection to it.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace vernissage::testing {

/// How long a test waits for anything: far beyond any deadline of the program.
inline constexpr std::chrono::seconds kPatience{60};

std::string file_text(const std::filesystem::path& path);

/// A child process with its output in the files LOG.out and LOG.err; killed at the end.
class Child {
 public:
  /// `environment` ("NAME=value") is added to our own. `handed_over`: descriptors that it gets as
  /// by the protocol of sd_listen_fds(3).
  Child(const std::vector<std::string>& arguments, const std::filesystem::path& log,
        const std::vector<std::string>& environment = {}, const std::vector<int>& handed_over = {});
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  std::string out() const { return file_text(out_); }
  std::string err() const { return file_text(err_); }
  void signal(int number) const;
  bool has_ended();
  /// Exit status; 1000 + n after signal n; -1 when it does not end.
  int wait();
  /// What the first group of `pattern` matches in what it has said so far on stdout or, `in_err`,
  /// stderr, once it does; "" when it ends first, or never says it.
  std::string say(const std::string& pattern, bool in_err = false);

 private:
  std::string out_, err_;
  int pid_;
  std::optional<int> status_;
};

/// Writes tiny_network(256) to DIRECTORY/net.safetensors and has `vernissage hang` (the program
/// `binary`, with `options` after --out) make DIRECTORY/gallery of it. Fails the test when it
/// cannot.
void hang_tiny_gallery(const std::string& binary, const std::filesystem::path& directory,
                       const std::vector<std::string>& options);

struct Answer {
  int status = 0;    // 0: the connection ended first
  std::string head;  // status line and fields
  std::string body;

  /// "" when it is not there.
  std::string field(const std::string& name) const;
};

/// One connection.
class Wire {
 public:
  /// To "127.0.0.1:PORT" or "unix:PATH".
  explicit Wire(const std::string& endpoint);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  bool is_connected() const { return connected_; }
  void send(const std::string& bytes);
  /// Sends a whole request with `body`; `fields` are lines that end in CRLF.
  void ask(const std::string& method, const std::string& path, const std::string& fields = "",
           const std::string& body = "");
  /// The next answer; body by Content-Length.
  Answer receive(bool body_follows = true);
  /// The head of the next answer, whose body, if any, is left unread.
  Answer receive_head();
  /// Everything until the server ends the connection.
  std::string receive_all();
  /// True when the server ends the connection and says nothing more.
  bool is_closed_by_server();

 private:
  bool read_more();

  int socket_;
  bool connected_ = false;
  std::string buffer_;
};

/// One request on a connection of its own.
Answer ask(const std::string& endpoint, const std::string& method, const std::string& path,
           const std::string& fields = "", const std::string& body = "");

}  // namespace vernissage::testing
