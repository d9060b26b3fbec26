// Any text as a pattern, a replacement and what they are used on, in lines: refused, or within its bounds.
#include <cstdlib>

#include "service/rules/limits.h"
#include "service/rules/regexp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin::rules;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto line = [&rest] {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view made = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return made;
  };
  const auto regexp = Regexp::compile(line());
  if (!regexp) return 0;
  const std::string_view replacement = line();
  const bool found = (*regexp)->contains(rest);
  if ((*regexp)->first(rest).has_value() != found) std::abort();
  const auto same = (*regexp)->replace_all(rest, "$0");
  if (same && *same != rest) std::abort();
  const auto replaced = (*regexp)->replace_all(rest, replacement);
  if (replaced && (replaced->size() > kMaxResultBytes || (!found && *replaced != rest))) std::abort();
  return 0;
}
