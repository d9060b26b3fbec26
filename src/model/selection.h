#pragma once
// Which channels and devices something is for: patterns of names, and tags that devices must have.

#include <boost/json/fwd.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dunlin::model {

inline constexpr std::size_t kMaxSelectionTags = 8;
/// Of a pattern, a tag's name and value.
inline constexpr std::size_t kMaxSelectionTextBytes = 256;

/// Of the name of what selects them.
inline constexpr std::size_t kMaxPlainNameBytes = 64;

/// 1 to 64 letters, digits, - _ and .
bool is_plain_name(std::string_view name);

using SelectionTags = std::map<std::string, std::string>;
/// A tag of the device that is asked about.
using TagOf = std::function<std::optional<std::string>(std::string_view name)>;

/// Whether the name is the pattern, or begins as it does up to a * at its end; an empty one fits all.
bool fits_pattern(std::string_view pattern, std::string_view name);
/// Whether the device has all of them.
bool has_tags(const SelectionTags& wanted, const TagOf& tag);

/// Of a request's or document's member `name`, which may be missing. Errors: invalid_argument.
Result<std::string> pattern_field(const boost::json::object& object, std::string_view name);
/// Its member "tags". Errors: invalid_argument, limit_exceeded.
Result<SelectionTags> tags_field(const boost::json::object& object);
boost::json::object tags_json(const SelectionTags& tags);

}  // namespace dunlin::model
