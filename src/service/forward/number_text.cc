#include "service/forward/number_text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace dunlin::forward {

std::string number_text(double number) {
  if (!std::isfinite(number)) return "null";
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

std::string milliseconds_text(WallTime time) {
  const std::int64_t microseconds = unix_nanoseconds(time) / 1000;
  std::string text = std::to_string(microseconds / 1000);
  const std::int64_t rest = microseconds % 1000;
  if (rest <= 0) return text;
  const std::string digits = std::to_string(rest);
  return text + "." + std::string(3 - digits.size(), '0') + digits;
}

}  // namespace dunlin::forward
