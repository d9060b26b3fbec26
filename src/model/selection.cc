#include "model/selection.h"

#include <algorithm>
#include <boost/json.hpp>

#include "model/json_fields.h"

namespace dunlin::model {

bool is_plain_name(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  return !name.empty() && name.size() <= kMaxPlainNameBytes &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

bool fits_pattern(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return true;
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool has_tags(const SelectionTags& wanted, const TagOf& tag) {
  return std::ranges::all_of(wanted,
                             [&tag](const auto& member) { return tag(member.first) == member.second; });
}

Result<std::string> pattern_field(const boost::json::object& object, std::string_view name) {
  std::string pattern = optional_text(object, name).value_or("");
  const std::size_t star = pattern.find('*');
  if (pattern.size() <= kMaxSelectionTextBytes && (star == std::string::npos || star + 1 == pattern.size()))
    return pattern;
  return fail(Errc::invalid_argument,
              "\"" + std::string(name) + "\" has at most 256 bytes, and a * at its end only");
}

Result<SelectionTags> tags_field(const boost::json::object& object) {
  SelectionTags tags;
  const auto* member = object.if_contains("tags");
  if (member == nullptr || member->is_null()) return tags;
  if (!member->is_object()) return fail(Errc::invalid_argument, "\"tags\" must be an object of texts");
  for (const auto& [name, value] : member->get_object()) {
    if (!value.is_string()) return fail(Errc::invalid_argument, "\"tags\" must be an object of texts");
    if (name.size() > kMaxSelectionTextBytes || value.get_string().size() > kMaxSelectionTextBytes)
      return fail(Errc::limit_exceeded, "a tag's name and value have at most 256 bytes");
    tags.emplace(name, value.get_string());
  }
  if (tags.size() > kMaxSelectionTags) return fail(Errc::limit_exceeded, "there are at most 8 tags");
  return tags;
}

boost::json::object tags_json(const SelectionTags& tags) {
  boost::json::object made;
  for (const auto& [name, value] : tags) made[name] = value;
  return made;
}

}  // namespace dunlin::model
