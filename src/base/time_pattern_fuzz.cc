// Any text as a pattern, and behind a line feed what is to be read by it: refused, or written and read
// without harm; and any time is read back from what a whole pattern writes.
#include <cstdlib>
#include <cstring>

#include "base/time_pattern.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using Dialect = TimePattern::Dialect;
  std::int64_t number = 0;
  if (size < sizeof number) return 0;
  std::memcpy(&number, data, sizeof number);
  const PatternTime time{std::chrono::milliseconds{number}};
  const auto zone = system_time_zone((number & 1) != 0 ? "Europe/Berlin" : "America/St_Johns");
  static const TimePattern whole = *TimePattern::parse("uuuu-MM-dd'T'HH:mm:ss.SSSxxxxx", Dialect::java);
  const auto written = whole.format(time, *zone);
  if (written && whole.read(*written, *zone) != time) std::abort();

  const std::string_view text(reinterpret_cast<const char*>(data) + sizeof number, size - sizeof number);
  const std::size_t end = std::min(text.find('\n'), text.size());
  if (const auto joda = TimePattern::parse(text.substr(0, end), Dialect::joda)) joda->format(time, *zone);
  const auto java = TimePattern::parse(text.substr(0, end), Dialect::java);
  if (!java) return 0;
  const auto again = java->format(time, *zone);
  if (again) java->read(*again, *zone);
  const auto read = java->read(text.substr(std::min(end + 1, text.size())), *zone);
  // At most a day from a year that is taken.
  if (read && !whole.format(*read - std::chrono::days{1}, *zone) &&
      !whole.format(*read + std::chrono::days{1}, *zone))
    std::abort();
  return 0;
}
