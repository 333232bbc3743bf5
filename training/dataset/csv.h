// A table of labels: comma-separated values with a header line. Rules: RFC 4180 (quoted fields, ""
// for a quote, line breaks inside quotes), UTF-8, LF or CR LF.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vernissage::training {

struct CsvTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  // each as long as columns

  /// Throws Error naming the column and those there are.
  size_t column(const std::string& name) const;
};

inline constexpr size_t kCsvBytesMax = size_t{256} << 20;

/// Throws Error naming the line (from 1): a row of another length than the header, an open quote,
/// something behind a closing quote, a column twice, no header.
CsvTable parse_csv(std::string_view text);
/// Throws Error naming the path, as parse_csv() and when it is larger than kCsvBytesMax.
CsvTable read_csv(const std::filesystem::path& path);

}  // namespace vernissage::training
