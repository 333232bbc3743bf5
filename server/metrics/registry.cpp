#include "server/metrics/registry.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"

namespace vernissage::metrics {
namespace {

void append_escaped(std::string_view text, bool in_quotes, std::string* out) {
  for (const char c : text) {
    if (c == '\n') {
      *out += "\\n";
    } else if (c == '\\' || (in_quotes && c == '"')) {
      out->append(1, '\\').append(1, c);
    } else {
      *out += c;
    }
  }
}

// The shortest text that reads back as the same number; the format's words for what is none.
std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

void append_sample(const std::string& name, const std::vector<std::string>& labels,
                   const std::vector<std::string>& values, const std::string& value,
                   std::string* out) {
  VERNISSAGE_ASSERT_OP(labels.size(), ==, values.size());
  *out += name;
  for (size_t i = 0; i < labels.size(); ++i) {
    out->append(i == 0 ? "{" : ",").append(labels[i]).append("=\"");
    append_escaped(values[i], /*in_quotes=*/true, out);
    *out += '"';
  }
  if (!labels.empty()) *out += '}';
  out->append(1, ' ').append(value).append(1, '\n');
}

void append_histogram(const std::string& name, const std::vector<std::string>& labels,
                      const std::vector<std::string>& values, const Histogram& histogram,
                      std::string* out) {
  std::vector<std::string> bucket_labels = labels, bucket_values = values;
  bucket_labels.push_back("le");
  bucket_values.emplace_back();
  // The count is the sum of the very buckets shown: the two can never contradict each other,
  // whatever is being observed meanwhile.
  uint64_t total = 0;
  for (size_t i = 0; i <= histogram.limits().size(); ++i) {
    total += histogram.count(i);
    bucket_values.back() =
        i < histogram.limits().size() ? number(histogram.limits()[i]) : std::string("+Inf");
    append_sample(name + "_bucket", bucket_labels, bucket_values, std::to_string(total), out);
  }
  append_sample(name + "_sum", labels, values, number(histogram.sum()), out);
  append_sample(name + "_count", labels, values, std::to_string(total), out);
}

}  // namespace

Histogram::Histogram(std::vector<double> limits)
    : limits_(std::move(limits)), counts_(limits_.size() + 1) {
  VERNISSAGE_ASSERT(std::is_sorted(limits_.begin(), limits_.end()));
}

void Histogram::observe(double value) {
  const auto found = std::lower_bound(limits_.begin(), limits_.end(), value);
  counts_[static_cast<size_t>(found - limits_.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<double> seconds_limits() {
  return {1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10};
}

std::vector<double> batch_limits() {
  return {1, 2, 4, 8, 16, 32};
}

template <class T>
T& Family<T>::with(std::vector<std::string> values) {
  VERNISSAGE_ASSERT_OP(values.size(), ==, labels_.size());
  const std::lock_guard lock(mutex_);
  auto found = series_.find(values);
  if (found == series_.end()) {
    if (series_.size() >= kSeriesMax) values.assign(labels_.size(), "other");
    found = series_.try_emplace(std::move(values)).first;
    if (!found->second) found->second = make_();
  }
  return *found->second;
}

template class Family<Counter>;
template class Family<Histogram>;

Family<Counter>& Registry::counters(const std::string& name, const std::string& help,
                                    std::vector<std::string> labels) {
  auto family = std::make_shared<Family<Counter>>(std::move(labels),
                                                  [] { return std::make_unique<Counter>(); });
  add(name, help, "counter", [family](const std::string& as, std::string* out) {
    family->each([&](const auto& values, const Counter& counter) {
      append_sample(as, family->labels(), values, std::to_string(counter.value()), out);
    });
  });
  return *family;
}

Family<Histogram>& Registry::histograms(const std::string& name, const std::string& help,
                                        std::vector<std::string> labels,
                                        std::vector<double> limits) {
  auto family = std::make_shared<Family<Histogram>>(
      std::move(labels), [limits] { return std::make_unique<Histogram>(limits); });
  add(name, help, "histogram", [family](const std::string& as, std::string* out) {
    family->each([&](const auto& values, const Histogram& histogram) {
      append_histogram(as, family->labels(), values, histogram, out);
    });
  });
  return *family;
}

void Registry::read(const std::string& name, const std::string& help, const std::string& kind,
                    std::vector<std::string> labels, std::function<std::vector<Sample>()> read) {
  add(name, help, kind,
      [labels = std::move(labels), read = std::move(read)](const std::string& as,
                                                           std::string* out) {
        for (const Sample& sample : read())
          append_sample(as, labels, sample.values, number(sample.value), out);
      });
}

void Registry::read(const std::string& name, const std::string& help, const std::string& kind,
                    std::function<double()> one) {
  read(name, help, kind, {}, [one = std::move(one)] { return std::vector<Sample>{{{}, one()}}; });
}

void Registry::add(const std::string& name, const std::string& help, const std::string& kind,
                   std::function<void(const std::string&, std::string*)> write) {
  std::string head = "# HELP " + name + " ";
  append_escaped(help, /*in_quotes=*/false, &head);
  head += "\n# TYPE " + name + " " + kind + "\n";
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) VERNISSAGE_ASSERT(entry.name != name);
  entries_.push_back({name, std::move(head), std::move(write)});
}

std::string Registry::text() const {
  std::string out;
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) {
    out += entry.head;
    entry.write(entry.name, &out);
  }
  return out;
}

}  // namespace vernissage::metrics
