#include "server/commands/number_list.h"

#include <charconv>

#include "base/error.h"

namespace vernissage {
namespace {

void skip_blanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

// The number at the beginning of `text`, which then begins behind it.
uint32_t take_number(std::string_view& text, const std::string& part, uint32_t largest) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument)
    throw Error("'" + part + "' is neither a number nor a range such as 0-3");
  if (error != std::errc() || value > largest)
    throw Error("'" + part + "': numbers are 0 to " + std::to_string(largest));
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return static_cast<uint32_t>(value);
}

}  // namespace

std::vector<uint32_t> parse_number_list(const std::string& text, uint32_t largest) {
  std::vector<uint32_t> numbers;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, comma - begin);
    std::string_view left = part;
    skip_blanks(left);
    const uint32_t first = take_number(left, part, largest);
    uint32_t last = first;
    skip_blanks(left);
    if (left.starts_with('-')) {
      left.remove_prefix(1);
      skip_blanks(left);
      last = take_number(left, part, largest);
    }
    skip_blanks(left);
    if (!left.empty()) throw Error("'" + part + "' is neither a number nor a range such as 0-3");
    if (last < first) throw Error("'" + part + "' runs backwards");
    if (uint64_t{last} - first + 1 > kNumbersMax - numbers.size())
      throw Error("more than " + std::to_string(kNumbersMax) + " numbers");
    for (uint64_t number = first; number <= last; ++number)
      numbers.push_back(static_cast<uint32_t>(number));
    begin = comma + 1;
  }
  return numbers;
}

}  // namespace vernissage
