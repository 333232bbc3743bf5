#include "server/http/compression.h"

#include <zlib.h>

#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "base/error.h"

namespace vernissage::http {
namespace {

constexpr size_t kWorthwhileBytes = 512;  // less fits into one packet either way
constexpr size_t kKeptBytesMax = size_t{16} << 20;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the part of `text` before the next `mark` away from it.
std::string_view next_part(std::string_view* text, char mark) {
  const size_t end = std::min(text->find(mark), text->size());
  const std::string_view part = trimmed(text->substr(0, end));
  text->remove_prefix(std::min(end + 1, text->size()));
  return part;
}

// "q=0", "q=0.000": not at all. Any other weight is a yes.
bool is_zero(std::string_view weight) {
  if (!weight.starts_with("q=") && !weight.starts_with("Q=")) return false;
  weight.remove_prefix(2);
  return !weight.empty() && weight.find_first_not_of("0.") == std::string_view::npos;
}

// The same page is asked for by many: its compressed form is kept under its tag, the oldest going
// first.
class Kept {
 public:
  std::shared_ptr<const std::string> of(const std::string& tag, std::string_view bytes) {
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = by_tag_.find(tag); found != by_tag_.end()) return found->second;
    }
    auto made = std::make_shared<const std::string>(gzipped(bytes));
    const std::lock_guard lock(mutex_);
    if (!by_tag_.emplace(tag, made).second) return made;
    order_.push_back(tag);
    bytes_ += made->size();
    while (bytes_ > kKeptBytesMax && order_.size() > 1) {
      const auto oldest = by_tag_.find(order_.front());
      bytes_ -= oldest->second->size();
      by_tag_.erase(oldest);
      order_.pop_front();
    }
    return made;
  }

 private:
  std::mutex mutex_;  // guards what follows; never held while compressing
  std::map<std::string, std::shared_ptr<const std::string>> by_tag_;
  std::deque<std::string> order_;
  size_t bytes_ = 0;
};

}  // namespace

bool accepts_gzip(const Request& request) {
  std::string_view list = request.field("Accept-Encoding").value_or("");
  bool any = false;
  while (!list.empty()) {
    std::string_view item = next_part(&list, ',');
    const std::string_view coding = next_part(&item, ';');
    const bool allowed = !is_zero(trimmed(item));
    if (same_name(coding, "gzip") || same_name(coding, "x-gzip")) return allowed;
    if (coding == "*") any = allowed;
  }
  return any;
}

std::string gzipped(std::string_view bytes) {
  constexpr int kGzipWindow = 15 + 16;  // the largest window, in gzip's wrapping
  constexpr int kMemory = 8;
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemory,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    throw Error("zlib has no memory to compress with");
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int end = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  VERNISSAGE_ASSERT(end == Z_STREAM_END);  // deflateBound is enough for one call
  return out;
}

bool shrinks(std::string_view media_type) {
  return media_type.starts_with("text/") || media_type.starts_with("application/json") ||
         media_type.starts_with("image/svg+xml");
}

void compress(const Request& request, Response* response) {
  if (response->status != 200 || !shrinks(response->field("Content-Type").value_or(""))) return;
  response->set("Vary", "Accept-Encoding");
  if (response->body.size() < kWorthwhileBytes || !accepts_gzip(request)) return;
  static Kept kept;
  std::string tag(response->field("ETag").value_or(""));
  VERNISSAGE_ASSERT(tag.size() > 2 && tag.back() == '"');
  response->body = *kept.of(tag, response->body);
  tag.insert(tag.size() - 1, "-gzip");
  response->set("ETag", std::move(tag));
  response->set("Content-Encoding", "gzip");
}

}  // namespace vernissage::http
