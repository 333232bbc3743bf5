#include "server/config/settings.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "base/error.h"
#include "base/toml.h"
#include "server/config/endpoint.h"
#include "server/visitors/visitors.h"

namespace vernissage::config {
namespace {

void check_endpoint(const std::string& text) {
  read_endpoint(text);
}

void check_listen(const std::string& text) {
  if (text != kHandedOver) check_endpoint(text);
}

void check_proxies(const std::string& text) {
  visitors::read_trusted_proxies(text);
}

void check_identity(const std::string& text) {
  visitors::read_identity(text);
}

const std::vector<Setting>& table() {
  static const std::vector<Setting> settings = {
      {.name = "gallery", .help = "the gallery's directory", .member = &Settings::gallery},
      {.name = "host", .help = "address to listen on", .member = &Settings::host},
      {.name = "port",
       .help = "port to listen on; 0: any free one",
       .member = &Settings::port,
       .max = 65535},
      {.name = "listen",
       .help = "ADDRESS:PORT, unix:PATH, or systemd: the socket that it hands over; "
               "in place of host and port",
       .member = &Settings::listen,
       .check = check_listen},
      {.name = "metrics-listen",
       .help = "ADDRESS:PORT or unix:PATH for /metrics; empty: nowhere",
       .member = &Settings::metrics_listen,
       .check = check_endpoint},
      {.name = "trusted-proxy",
       .help = "who is believed about others, CIDR or unix: 10.0.0.0/8,unix; empty: nobody",
       .member = &Settings::trusted_proxy,
       .check = check_proxies},
      {.name = "identity",
       .help = "how visitors are known: cookie, or header:NAME set by a trusted proxy",
       .member = &Settings::identity,
       .check = check_identity},
      {.name = "public-origin",
       .help = "the gallery's address for browsers, https://gallery.example; empty: as asked for",
       .member = &Settings::public_origin,
       .check = visitors::check_public_origin},
      {.name = "insecure-cookies",
       .help = "yes: visitors are known on plain http too, for a trusted network without TLS",
       .member = &Settings::insecure_cookies,
       .choices = {"no", "yes"}},
      {.name = "claims-per-hour",
       .help = "paintings that one machine may win in an hour; 0: any number",
       .member = &Settings::claims_per_hour,
       .max = 1000000},
      {.name = "connections-per-address",
       .help = "connections that one machine may hold; a trusted proxy any number",
       .member = &Settings::connections_per_address,
       .min = 1,
       .max = 1000000},
      {.name = "http-threads",
       .help = "threads that answer requests",
       .member = &Settings::http_threads,
       .min = 1,
       .max = 256},
      {.name = "drain-pause-ms",
       .help = "after SIGTERM, time to be seen as not ready before the door closes",
       .member = &Settings::drain_pause_ms,
       .max = 600000},
      {.name = "device",
       .help = "what paints: auto, cpu or cuda",
       .member = &Settings::device,
       .choices = {"auto", "cpu", "cuda"}},
      {.name = "precision",
       .help = "what activations are stored in; f16 on CUDA only",
       .member = &Settings::precision,
       .choices = {"f32", "f16"}},
      {.name = "threads",
       .help = "threads of the CPU backend; 0: all cores",
       .member = &Settings::threads,
       .max = 1024},
      {.name = "render-delay-us",
       .help = "how long a picture waits for others to be painted with it",
       .member = &Settings::render_delay_us,
       .max = 1000000},
      {.name = "render-queue",
       .help = "pictures in the works at once; more are refused with 503",
       .member = &Settings::render_queue,
       .min = 4,
       .max = 100000},
      {.name = "render-queue-per-client",
       .help = "of these, asked for by one client; more are refused with 429",
       .member = &Settings::render_queue_per_client,
       .min = 1,
       .max = 100000},
      {.name = "render-wait-ms",
       .help = "who would wait longer for the renderer is refused with 503; owners wait",
       .member = &Settings::render_wait_ms,
       .max = 3600000},
      {.name = "preview-cache-mb",
       .help = "previews kept on disk, MiB; the longest unused go first",
       .member = &Settings::preview_cache_mb,
       .min = 1,
       .max = 16777216},
      {.name = "studio-cache-mb",
       .help = "prints of the studio kept on disk, MiB; the longest unused go first",
       .member = &Settings::studio_cache_mb,
       .min = 1,
       .max = 16777216},
      {.name = "flow-viewers",
       .help = "who may watch passages between paintings at once; more are refused with 503",
       .member = &Settings::flow_viewers,
       .max = 100000},
      {.name = "event-listeners",
       .help = "who may listen to claims at once; more are refused with 503",
       .member = &Settings::event_listeners,
       .max = 100000},
      {.name = "web-root",
       .help = "take templates and style from here, read anew each time",
       .member = &Settings::web_root},
      {.name = "log-format",
       .help = "text, or json: one object a line",
       .member = &Settings::log_format,
       .choices = {"text", "json"}},
  };
  return settings;
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words) {
    if (!out.empty()) out += ", ";
    out += word;
  }
  return out;
}

// A file that spells a key wrongly, or a number as a text, would otherwise be silently without it.
void read_file(const std::filesystem::path& path, InForce* in_force) {
  toml::table file;
  try {
    file = toml::parse_file(path.string());
  } catch (const toml::parse_error& error) {
    throw Error(path.string() + ": line " + std::to_string(error.source().begin.line) + ": " +
                std::string(error.description()));
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
  for (const auto& [key, node] : file) {
    const std::string name(key.str());
    const auto found = std::find_if(table().begin(), table().end(),
                                    [&](const Setting& setting) { return setting.name == name; });
    const std::string where = path.string() + ": " + name + ": ";
    if (found == table().end()) throw Error(where + "no such setting");
    const bool is_number = std::holds_alternative<int64_t Settings::*>(found->member);
    if (is_number ? !node.is_integer() : !node.is_string())
      throw Error(where + (is_number ? "expected a whole number" : "expected a text in quotes"));
    const std::string text =
        is_number ? std::to_string(*node.value<int64_t>()) : *node.value<std::string>();
    try {
      set_value(*found, text, &in_force->settings);
    } catch (const Error& error) {
      throw Error(where + error.what());
    }
    in_force->origins[name] = path.string();
  }
}

}  // namespace

std::span<const Setting> settings_table() {
  return table();
}

std::string environment_name(const Setting& setting) {
  std::string name = "VERNISSAGE_";
  for (const char c : setting.name)
    name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

std::string value_text(const Setting& setting, const Settings& settings) {
  if (const auto* number = std::get_if<int64_t Settings::*>(&setting.member))
    return std::to_string(settings.**number);
  return settings.*std::get<std::string Settings::*>(setting.member);
}

void set_value(const Setting& setting, const std::string& text, Settings* settings) {
  if (const auto* number = std::get_if<int64_t Settings::*>(&setting.member)) {
    int64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size() || value < setting.min ||
        value > setting.max)
      throw Error("expected a whole number from " + std::to_string(setting.min) + " to " +
                  std::to_string(setting.max) + ", got '" + text + "'");
    settings->** number = value;
    return;
  }
  if (!setting.choices.empty() &&
      std::find(setting.choices.begin(), setting.choices.end(), text) == setting.choices.end())
    throw Error("expected one of " + joined(setting.choices) + ", got '" + text + "'");
  if (setting.check && !text.empty()) setting.check(text);
  settings->*std::get<std::string Settings::*>(setting.member) = text;
}

InForce resolve(const Sources& sources) {
  InForce in_force;
  for (const Setting& setting : table()) in_force.origins[std::string(setting.name)] = "default";
  if (sources.file) read_file(*sources.file, &in_force);
  for (const Setting& setting : table()) {
    const std::string name(setting.name);
    const auto take = [&](const std::string& text, const std::string& origin) {
      try {
        set_value(setting, text, &in_force.settings);
      } catch (const Error& error) {
        throw Error(origin + ": " + error.what());
      }
      in_force.origins[name] = origin;
    };
    const std::string variable = environment_name(setting);
    if (const char* text = sources.environment(variable.c_str())) take(text, variable);
    if (const auto flag = sources.flags.find(name); flag != sources.flags.end())
      take(flag->second, "--" + name);
  }
  return in_force;
}

std::string to_toml(const InForce& in_force) {
  std::ostringstream out;
  for (const Setting& setting : table()) {
    out << setting.name << " = ";
    const std::string text = value_text(setting, in_force.settings);
    if (std::holds_alternative<int64_t Settings::*>(setting.member)) {
      out << text;
    } else {
      out << toml::value<std::string>(text);
    }
    out << "  # " << in_force.origins.at(std::string(setting.name)) << "\n";
  }
  return out.str();
}

}  // namespace vernissage::config
