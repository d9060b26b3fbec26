#pragma once
// How explanations quote and count. Internal to the room.

#include <cstdint>
#include <string>
#include <string_view>

namespace dunlin::broker {

inline std::string quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

inline std::string number(std::uint64_t value, std::string_view one, std::string_view many) {
  return std::to_string(value) + " " + std::string(value == 1 ? one : many);
}

}  // namespace dunlin::broker
