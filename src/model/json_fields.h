#pragma once
// Reads fields of a request whose types OperationTable::invoke() has checked already.

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dunlin::model {

inline constexpr std::int64_t kDefaultPageRows = 100;
inline constexpr std::int64_t kMaxPageRows = 1000;

/// nullopt where the member is absent, null or of another type.
std::optional<std::string> optional_text(const boost::json::object& object, std::string_view name);
std::optional<std::int64_t> optional_integer(const boost::json::object& object, std::string_view name);
std::optional<double> optional_number(const boost::json::object& object, std::string_view name);
std::optional<bool> optional_boolean(const boost::json::object& object, std::string_view name);

/// The field "limit" of a list: kDefaultPageRows where absent. Errors: invalid_argument (not
/// in 1..kMaxPageRows).
Result<std::size_t> limit_field(const boost::json::object& request);

}  // namespace dunlin::model
