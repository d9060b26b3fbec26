#include "model/json_fields.h"

#include <boost/json.hpp>

namespace dunlin::model {

std::optional<std::string> optional_text(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

std::optional<std::int64_t> optional_integer(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  boost::system::error_code error;
  const auto number = value->to_number<std::int64_t>(error);
  if (error) return std::nullopt;
  return number;
}

std::optional<double> optional_number(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

std::optional<bool> optional_boolean(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_bool()) return std::nullopt;
  return value->get_bool();
}

Result<std::size_t> limit_field(const boost::json::object& request) {
  const std::int64_t limit = optional_integer(request, "limit").value_or(kDefaultPageRows);
  if (limit < 1 || limit > kMaxPageRows)
    return fail(Errc::invalid_argument, "\"limit\" must be between 1 and 1000");
  return static_cast<std::size_t>(limit);
}

}  // namespace dunlin::model
