#include "service/forward/stamp.h"

#include <boost/json.hpp>

#include "service/forward/limits.h"
#include "service/forward/number_text.h"

namespace dunlin::forward {

std::int64_t next_stamp(std::int64_t last, WallTime received) {
  const std::int64_t now = unix_nanoseconds(received) / 1000;
  const bool clock_was_set_back = last - now > kMaxStampLeadMicroseconds;
  return now > last || clock_was_set_back ? now : last + 1;
}

Slice stamped_payload(const Slice& payload, std::int64_t stamp, std::uint64_t sequence) {
  const std::string_view text = payload.text();
  const std::string time = "\"t\":" + milliseconds_text(from_unix_nanoseconds(stamp * 1000));
  const std::string number = "\"seq\":" + std::to_string(sequence);
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return payload;
  if (text[begin] != '{') return Slice::copy_of("{\"value\":" + std::string(text) + "," + time + "," + number + "}");
  boost::system::error_code error;
  const boost::json::value document = boost::json::parse(text, error);
  if (error || !document.is_object() || document.get_object().empty()) return payload;
  if (document.get_object().contains("t")) return payload;
  std::string made = "{" + time + ",";
  if (!document.get_object().contains("seq")) made += number + ",";
  made += text.substr(begin + 1);
  return Slice::copy_of(made);
}

}  // namespace dunlin::forward
