#include "server/process/log.h"

#include <poll.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <string_view>

#include "server/http/json.h"

namespace vernissage::process {
namespace {

// Of a path, so that a line, quoted, stays below a page.
constexpr size_t kPathShown = 1024;

bool is_json = false;  // set once, before the first line

std::string_view text_of(spdlog::string_view_t view) {
  return {view.data(), view.size()};
}

// Writes {"time":…,"level":…,MEMBERS}, where the line that is logged is the members themselves.
class JsonFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& line, spdlog::memory_buf_t& out) override {
    const std::time_t seconds = spdlog::log_clock::to_time_t(line.time);
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                        line.time - spdlog::log_clock::from_time_t(seconds))
                        .count();
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char time[64];
    std::snprintf(time, sizeof time, "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\",",
                  utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                  utc.tm_sec, static_cast<int>(ms));
    append(time, out);
    append("\"level\":\"", out);
    append(text_of(spdlog::level::to_string_view(line.level)), out);
    append("\",", out);
    append(text_of(line.payload), out);
    append("}\n", out);
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }

 private:
  static void append(std::string_view text, spdlog::memory_buf_t& out) {
    out.append(text.data(), text.data() + text.size());
  }
};

std::string message(const std::string& what) {
  return is_json ? "\"message\":" + http::json_string(what) : what;
}

// stderr, where there is room for a line. A pipe that nobody empties would hold the threads that
// answer; lines are lost instead, and counted in the next one that is read.
class StderrSink : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& line) override {
    if (!has_room()) {
      ++lost_;
      return;
    }
    if (lost_ > 0) {
      const std::string told = message(std::to_string(lost_) + " lines lost: nobody was reading");
      out_.log({line.logger_name, spdlog::level::warn, told});
      lost_ = 0;
    }
    out_.log(line);
  }
  void flush_() override { out_.flush(); }
  void set_formatter_(std::unique_ptr<spdlog::formatter> formatter) override {
    out_.set_formatter(std::move(formatter));
  }

 private:
  // poll(2): of a pipe, that a page (PIPE_BUF) can be written without waiting. A line and the word
  // of those that were lost fit on it together.
  static bool has_room() {
    pollfd out{STDERR_FILENO, POLLOUT, 0};
    return ::poll(&out, 1, 0) > 0;
  }

  spdlog::sinks::stderr_color_sink_st out_;
  size_t lost_ = 0;
};

}  // namespace

void open_log(const std::string& format) {
  is_json = format == "json";
  auto logger = std::make_shared<spdlog::logger>("vernissage", std::make_shared<StderrSink>());
  if (is_json) logger->set_formatter(std::make_unique<JsonFormatter>());
  spdlog::set_default_logger(std::move(logger));
}

void log_info(const std::string& what) {
  spdlog::info("{}", message(what));
}

void log_trouble(const std::string& what) {
  spdlog::warn("{}", message(what));
}

void log_answer(const http::Request& request, int status, size_t bytes, double ms) {
  const std::string path = request.path.substr(0, kPathShown);
  if (is_json) {
    const auto quoted = [](const std::string& text) { return http::json_string(text); };
    spdlog::info(
        "\"message\":\"answered\",\"request_id\":{},\"method\":{},\"path\":{},\"status\":{},"
        "\"bytes\":{},\"ms\":{:.1f}",
        quoted(request.id), quoted(request.method), quoted(path), status, bytes, ms);
    return;
  }
  const auto shown = [](const std::string& text) { return text.empty() ? "-" : text.c_str(); };
  spdlog::info("{} {} {} {} {} bytes {:.1f} ms", request.id, shown(request.method), shown(path),
               status, bytes, ms);
}

}  // namespace vernissage::process
