// Ranges of numbers on a command line, said as people write them. Header only: the programs bring
// CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <cmath>
#include <sstream>
#include <string>
#include <type_traits>

namespace vernissage {

/// A check for a CLI11 option: a finite number from `least` to `most`, shown as "0.1 to 100".
/// CLI::Range lets "nan" pass, which compares with nothing.
template <class Number>
CLI::Validator from_to(Number least, Number most) {
  const auto text = [](Number number) {
    std::ostringstream out;
    out << number;
    return out.str();
  };
  const std::string range = text(least) + " to " + text(most);
  return CLI::Validator(
      [=](std::string& given) -> std::string {
        Number value{};
        const bool is_number = CLI::detail::lexical_cast(given, value);
        bool fits = is_number && value >= least && value <= most;
        if constexpr (std::is_floating_point_v<Number>) fits = fits && std::isfinite(value);
        return fits ? "" : "expected a number from " + range + ", got '" + given + "'";
      },
      range);
}

}  // namespace vernissage
