#pragma once
// Values as text, and what several services ask of texts.

#include <boost/json/fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dunlin::model {

inline constexpr std::size_t kMaxThingNameBytes = 128;

/// Errors: invalid_argument, with what is allowed.
Result<void> check_thing_name(std::string_view name);

/// At most `max_bytes` of a UTF-8 text, never ending inside a character.
std::string_view cut_text(std::string_view text, std::size_t max_bytes);

/// Compact JSON with numbers as people write them (21.5, not 2.15E1); numbers keep their value exactly.
std::string json_text(const boost::json::value& node);

/// The known name that `name` was meant to be, if one differs from it in one or two letters. Empty: none.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known);

/// Equal by value: 21 and 21.0 are the same, members have no order, elements have one.
bool same_value(const boost::json::value& a, const boost::json::value& b);

}  // namespace dunlin::model
