// What an operator can set for `vernissage serve`, in one table: the same name is a flag
// (--metrics-listen), an environment variable (VERNISSAGE_METRICS_LISTEN) and a key of
// vernissage.toml (metrics-listen). A flag wins over the environment, that over the file, that over
// the default.
//
// A new setting is a member of Settings with its default, and a line in settings.cpp's table.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vernissage::config {

struct Settings {
  std::string gallery;  // empty: not given
  std::string host = "127.0.0.1";
  int64_t port = 8080;
  std::string listen;          // empty: host and port
  std::string metrics_listen;  // empty: no metrics
  std::string trusted_proxy;   // empty: nobody
  std::string identity = "cookie";
  std::string insecure_cookies = "no";
  std::string public_origin;  // empty: the Host of each request
  int64_t claims_per_hour = 3;
  int64_t connections_per_address = 64;
  int64_t http_threads = 2;
  int64_t drain_pause_ms = 0;
  std::string device = "auto";
  std::string precision = "f32";
  int64_t threads = 0;
  int64_t render_delay_us = 2000;
  int64_t render_queue = 64;
  int64_t render_queue_per_client = 32;
  int64_t render_wait_ms = 10000;
  int64_t preview_cache_mb = 2048;
  int64_t studio_cache_mb = 256;
  int64_t flow_viewers = 16;
  int64_t event_listeners = 512;
  std::string web_root;  // empty: the embedded files
  std::string log_format = "text";
};

struct Setting {
  std::string_view name;  // lower case, words joined by '-'
  std::string_view help;
  std::variant<std::string Settings::*, int64_t Settings::*> member;
  int64_t min = 0, max = 0;                     // of a number
  std::vector<std::string_view> choices = {};   // of a text; empty: any
  void (*check)(const std::string&) = nullptr;  // of a text that is not empty; throws Error
};

/// In the order in which they are shown.
std::span<const Setting> settings_table();

/// "VERNISSAGE_METRICS_LISTEN"
std::string environment_name(const Setting& setting);
/// The value as text, as it would be written after the flag.
std::string value_text(const Setting& setting, const Settings& settings);
/// Reads `text` into `settings`. Throws Error saying what was expected.
void set_value(const Setting& setting, const std::string& text, Settings* settings);

/// What was written where; values by name.
struct Sources {
  std::map<std::string, std::string, std::less<>> flags;
  std::function<const char*(const char*)> environment;  // null for a name that is not set
  std::optional<std::filesystem::path> file;            // must be there, when named
};

struct InForce {
  Settings settings;
  std::map<std::string, std::string, std::less<>> origins;  // name → "default", "--port", …
};

/// Throws Error naming the variable, or the file and its key, that is unknown or out of range.
InForce resolve(const Sources& sources);

/// A vernissage.toml with all that is in force, each line with its origin as a comment.
std::string to_toml(const InForce& in_force);

}  // namespace vernissage::config
