// Settings, addresses and metrics as an operator writes and reads them. Goal: what is in force is
// what the nearest source says, nothing wrong is taken silently, and what /metrics says can be read
// by Prometheus. Method: the functions alone, with an environment and a file made up for the test.
#include <gtest/gtest.h>

#include <fstream>
#include <thread>
#include <vector>

#include "base/error.h"
#include "server/config/endpoint.h"
#include "server/config/settings.h"
#include "server/metrics/registry.h"
#include "server/metrics/server_metrics.h"
#include "tests/support/tiny_network.h"

namespace vernissage {
namespace {

using config::Settings;
using Texts = std::map<std::string, std::string, std::less<>>;

std::string reason(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

class Configured : public ::testing::Test {
 protected:
  config::InForce resolve(const Texts& flags, const Texts& environment,
                          const std::string& toml = "") {
    environment_ = environment;
    config::Sources sources;
    sources.flags = flags;
    sources.environment = [this](const char* name) -> const char* {
      const auto found = environment_.find(name);
      return found == environment_.end() ? nullptr : found->second.c_str();
    };
    if (!toml.empty()) {
      std::ofstream(file()) << toml;
      sources.file = file();
    }
    return config::resolve(sources);
  }
  std::filesystem::path file() const { return directory_ / "vernissage.toml"; }

  testing::TemporaryDirectory directory_;
  Texts environment_;
};

TEST_F(Configured, FlagsBeatTheEnvironmentThatBeatsTheFileThatBeatsTheDefault) {
  const auto in_force =
      resolve({{"port", "1"}}, {{"VERNISSAGE_PORT", "2"}, {"VERNISSAGE_HOST", "::1"}},
              "port = 3\nhost = \"127.0.0.3\"\nthreads = 3\n");
  EXPECT_EQ(in_force.settings.port, 1);
  EXPECT_EQ(in_force.settings.host, "::1");
  EXPECT_EQ(in_force.settings.threads, 3);
  EXPECT_EQ(in_force.settings.device, "auto");
  EXPECT_EQ(in_force.origins.at("port"), "--port");
  EXPECT_EQ(in_force.origins.at("host"), "VERNISSAGE_HOST");
  EXPECT_EQ(in_force.origins.at("threads"), file().string());
  EXPECT_EQ(in_force.origins.at("device"), "default");
}

TEST_F(Configured, EverySettingCanBeSetInEveryWay) {
  for (const config::Setting& setting : config::settings_table()) {
    SCOPED_TRACE(std::string(setting.name));
    const bool is_number = std::holds_alternative<int64_t Settings::*>(setting.member);
    // Another value than the default, that its rules allow.
    const std::string name(setting.name);
    const std::string before = config::value_text(setting, Settings{});
    const Texts checked = {{"listen", "[::1]:1"},
                           {"metrics-listen", "unix:/m"},
                           {"trusted-proxy", "10.0.0.0/8,unix"},
                           {"identity", "header:X-Remote-User"},
                           {"public-origin", "https://gallery.example"}};
    std::string value = "else";
    if (setting.check) {
      ASSERT_TRUE(checked.contains(name)) << "name a value that its check takes";
      value = checked.find(name)->second;
    }
    if (is_number)
      value = std::to_string(std::stoll(before) == setting.max ? setting.min : setting.max);
    if (!setting.choices.empty()) value = setting.choices.back();
    ASSERT_NE(value, before);
    const std::string quote = is_number ? "" : "\"";
    const config::InForce ways[] = {resolve({{name, value}}, {}),
                                    resolve({}, {{config::environment_name(setting), value}}),
                                    resolve({}, {}, name + " = " + quote + value + quote + "\n")};
    for (const config::InForce& way : ways) {
      EXPECT_EQ(config::value_text(setting, way.settings), value);
      EXPECT_NE(way.origins.at(name), "default");
    }
  }
}

TEST_F(Configured, WhatIsPrintedReadsBackAsTheSame) {
  const auto in_force = resolve({{"gallery", "a \"b\"\\c\nd"}, {"port", "0"}}, {});
  const std::string printed = config::to_toml(in_force);
  EXPECT_NE(printed.find("port = 0  # --port\n"), std::string::npos) << printed;
  const auto again = resolve({}, {}, printed);
  for (const config::Setting& setting : config::settings_table())
    EXPECT_EQ(config::value_text(setting, again.settings),
              config::value_text(setting, in_force.settings))
        << setting.name;
}

TEST_F(Configured, WrongValuesNameTheirPlace) {
  const auto complaint = [&](const Texts& flags, const Texts& environment,
                             const std::string& toml) {
    return reason([&] { resolve(flags, environment, toml); });
  };
  EXPECT_EQ(complaint({{"port", "65536"}}, {}, ""),
            "--port: expected a whole number from 0 to 65535, got '65536'");
  EXPECT_EQ(complaint({}, {{"VERNISSAGE_PORT", "80 "}}, ""),
            "VERNISSAGE_PORT: expected a whole number from 0 to 65535, got '80 '");
  EXPECT_EQ(complaint({}, {{"VERNISSAGE_DEVICE", "tpu"}}, ""),
            "VERNISSAGE_DEVICE: expected one of auto, cpu, cuda, got 'tpu'");
  EXPECT_EQ(complaint({}, {}, "prot = 1\n"), file().string() + ": prot: no such setting");
  EXPECT_EQ(complaint({}, {}, "port = \"1\"\n"),
            file().string() + ": port: expected a whole number");
  EXPECT_EQ(complaint({}, {}, "host = 1\n"), file().string() + ": host: expected a text in quotes");
  EXPECT_EQ(complaint({}, {}, "port = -1\n"),
            file().string() + ": port: expected a whole number from 0 to 65535, got '-1'");
  EXPECT_NE(complaint({}, {}, "\nport = \n").find(": line 2: "), std::string::npos);
  EXPECT_NE(complaint({}, {}, "metrics-listen = \"9100\"\n").find("ADDRESS:PORT"),
            std::string::npos);
  // A file that was named and is not there is not the same as none.
  config::Sources sources;
  sources.environment = [](const char*) -> const char* { return nullptr; };
  sources.file = directory_ / "nothing.toml";
  EXPECT_NE(reason([&] { config::resolve(sources); }).find("nothing.toml"), std::string::npos);
}

TEST_F(Configured, NumbersAreTakenAtTheirLimitsAndNotBeyond) {
  for (const config::Setting& setting : config::settings_table()) {
    if (!std::holds_alternative<int64_t Settings::*>(setting.member)) continue;
    SCOPED_TRACE(std::string(setting.name));
    Settings settings;
    const auto is_taken = [&](int64_t value) {
      return reason([&] { config::set_value(setting, std::to_string(value), &settings); }).empty();
    };
    EXPECT_FALSE(is_taken(setting.min - 1));
    EXPECT_TRUE(is_taken(setting.min));
    EXPECT_TRUE(is_taken(setting.max));
    EXPECT_FALSE(is_taken(setting.max + 1));
  }
}

TEST(Endpoint, IsAnAddressWithPortOrASocket) {
  const config::Endpoint v4 = config::read_endpoint("127.0.0.1:8080");
  EXPECT_EQ(v4.host, "127.0.0.1");
  EXPECT_EQ(v4.port, 8080);
  const config::Endpoint v6 = config::read_endpoint("[::1]:0");
  EXPECT_EQ(v6.host, "::1");
  EXPECT_EQ(v6.port, 0);
  const config::Endpoint local = config::read_endpoint("unix:/run/vernissage/http.sock");
  EXPECT_EQ(local.socket, "/run/vernissage/http.sock");
  EXPECT_EQ(local.host, "");
  for (const char* wrong :
       {"", ":", "8080", "127.0.0.1", "127.0.0.1:", ":8080", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1:80a", "::1:80", "[127.0.0.1]:80", "[::1]", "[]:80", "unix:"})
    EXPECT_THROW(config::read_endpoint(wrong), Error) << wrong;
  EXPECT_EQ(config::read_endpoint("unix:" + std::string(107, 'x')).socket.size(), 107u);
  EXPECT_THROW(config::read_endpoint("unix:" + std::string(108, 'x')), Error);
}

TEST(Endpoint, IsLocalWhenNobodyElseCanReachIt) {
  for (const char* local : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "unix:a"})
    EXPECT_TRUE(config::is_local(config::read_endpoint(local))) << local;
  for (const char* open : {"0.0.0.0:1", "[::]:1", "192.0.2.1:1", "12.7.0.1:1"})
    EXPECT_FALSE(config::is_local(config::read_endpoint(open))) << open;
}

TEST(Metrics, TextIsWhatPrometheusReads) {
  metrics::Registry registry;
  auto& answers =
      registry.counters("answers_total", "Answers.\nAll \\ of them.", {"route", "code"});
  answers.with({"/a\"b\\c\n", "200"}).add(3);
  answers.with({"/", "404"}).add();
  auto& seconds = registry.histogram("wait_seconds", "Waiting.", {0.1, 1});
  for (const double value : {0.05, 0.1, 0.5, 7.0}) seconds.observe(value);
  registry.read("depth", "Depth.", "gauge", [] { return 2.5; });
  EXPECT_EQ(registry.text(),
            "# HELP answers_total Answers.\\nAll \\\\ of them.\n"
            "# TYPE answers_total counter\n"
            "answers_total{route=\"/\",code=\"404\"} 1\n"
            "answers_total{route=\"/a\\\"b\\\\c\\n\",code=\"200\"} 3\n"
            "# HELP wait_seconds Waiting.\n"
            "# TYPE wait_seconds histogram\n"
            "wait_seconds_bucket{le=\"0.1\"} 2\n"
            "wait_seconds_bucket{le=\"1\"} 3\n"
            "wait_seconds_bucket{le=\"+Inf\"} 4\n"
            "wait_seconds_sum 7.65\n"
            "wait_seconds_count 4\n"
            "# HELP depth Depth.\n"
            "# TYPE depth gauge\n"
            "depth 2.5\n");
}

TEST(Metrics, NothingIsLostWhenManyCountAtOnce) {
  constexpr int kThreads = 8, kEach = 10000;
  metrics::Registry registry;
  auto& counters = registry.counters("c", "", {"of"});
  auto& histogram = registry.histogram("h", "", {0.5});
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      for (int n = 0; n < kEach; ++n) {
        counters.with({std::to_string(i % 2)}).add();
        histogram.observe(1);
        if (n % 1000 == 0) registry.text();
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counters.with({"0"}).value() + counters.with({"1"}).value(),
            static_cast<uint64_t>(kThreads * kEach));
  EXPECT_EQ(histogram.count(0), 0u);
  EXPECT_EQ(histogram.count(1), static_cast<uint64_t>(kThreads * kEach));
  EXPECT_EQ(histogram.sum(), kThreads * kEach);
}

TEST(Metrics, WhateverVisitorsSendTheSeriesStayBounded) {
  metrics::ServerMetrics counted("1");
  for (int i = 0; i < 5000; ++i)
    counted.answered("other", "METHOD" + std::to_string(i), 405, 0.001);
  const std::string text = counted.registry().text();
  EXPECT_NE(
      text.find("vernissage_http_requests_total{route=\"other\",method=\"other\",code=\"405\"}"
                " 5000\n"),
      std::string::npos);
  EXPECT_EQ(text.find("METHOD"), std::string::npos);

  constexpr size_t kMax = metrics::Family<metrics::Counter>::kSeriesMax;
  metrics::Registry registry;
  auto& many = registry.counters("many", "", {"n"});
  for (size_t n = 0; n < kMax + 2; ++n) many.with({std::to_string(n)}).add();
  EXPECT_EQ(many.with({"other"}).value(), 2u);
}

TEST(Metrics, RefusalsAreCountedByReason) {
  metrics::ServerMetrics counted("1");
  counted.answered("/", "GET", 429, 0);
  counted.answered("/", "GET", 503, 0);
  counted.answered("/readyz", "GET", 503, 0);  // told, not turned away
  counted.answered("/", "GET", 200, 0);
  counted.refused_bytes();
  const std::string text = counted.registry().text();
  for (const char* reason : {"rate", "busy", "framing"})
    EXPECT_NE(text.find("vernissage_rejected_total{reason=\"" + std::string(reason) + "\"} 1\n"),
              std::string::npos)
        << reason;
}

}  // namespace
}  // namespace vernissage
