#include "training/dataset/csv.h"

#include <algorithm>

#include "base/error.h"
#include "engine/formats/safetensors.h"

namespace vernissage::training {
namespace {

[[noreturn]] void refuse(size_t line, const std::string& what) {
  throw Error("line " + std::to_string(line) + ": " + what);
}

// Reads field by field; knows the line it is on.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ >= text_.size(); }
  size_t line() const { return line_; }

  /// One row, behind its line break.
  std::vector<std::string> row() {
    std::vector<std::string> fields;
    while (true) {
      fields.push_back(!at_end() && text_[at_] == '"' ? quoted() : plain());
      if (at_end()) return fields;
      const char end = text_[at_++];
      if (end == ',') continue;
      if (end == '\r' && !at_end() && text_[at_] == '\n') ++at_;
      ++line_;
      return fields;
    }
  }

 private:
  std::string plain() {
    const size_t end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
    std::string field(text_.substr(at_, end - at_));
    at_ = end;
    return field;
  }

  std::string quoted() {
    const size_t opened = line_;
    std::string field;
    for (++at_; !at_end(); ++at_) {
      if (text_[at_] == '"') {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') break;
        ++at_;
      }
      line_ += text_[at_] == '\n' ? 1 : 0;
      field += text_[at_];
    }
    if (at_end()) refuse(opened, "a quote is never closed");
    ++at_;
    if (!at_end() && text_[at_] != ',' && text_[at_] != '\n' && text_[at_] != '\r')
      refuse(line_, "expected a comma or the end of the line behind a closing quote");
    return field;
  }

  std::string_view text_;
  size_t at_ = 0, line_ = 1;
};

}  // namespace

size_t CsvTable::column(const std::string& name) const {
  const auto found = std::find(columns.begin(), columns.end(), name);
  if (found != columns.end()) return static_cast<size_t>(found - columns.begin());
  std::string known;
  for (const std::string& each : columns) known += (known.empty() ? "" : ", ") + each;
  throw Error("no column \"" + name + "\"; there are: " + known);
}

CsvTable parse_csv(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  Reader reader(text);
  if (reader.at_end()) throw Error("expected a header line, got nothing");
  CsvTable table{reader.row(), {}};
  for (size_t i = 0; i < table.columns.size(); ++i)
    if (std::count(table.columns.begin(), table.columns.end(), table.columns[i]) > 1)
      refuse(1, "column \"" + table.columns[i] + "\" stands there twice");
  while (!reader.at_end()) {
    const size_t line = reader.line();
    std::vector<std::string> fields = reader.row();
    if (fields.size() != table.columns.size())
      refuse(line, "expected " + std::to_string(table.columns.size()) + " fields, got " +
                       std::to_string(fields.size()));
    table.rows.push_back(std::move(fields));
  }
  return table;
}

CsvTable read_csv(const std::filesystem::path& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  try {
    if (bytes.size() > kCsvBytesMax)
      throw Error("expected at most " + std::to_string(kCsvBytesMax) + " bytes, got " +
                  std::to_string(bytes.size()));
    return parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
}

}  // namespace vernissage::training
