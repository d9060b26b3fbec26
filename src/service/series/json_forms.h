#pragma once
// How the operations write values and qualities as JSON, and read times.

#include <boost/json/fwd.hpp>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "model/sample.h"

namespace dunlin::series {

/// A number, text or truth value; null for a number that is not finite.
boost::json::value value_json(const model::Value& value);

/// "good", "uncertain", "bad".
std::string_view quality_name(model::Quality quality);
std::optional<model::Quality> quality_of(std::string_view name);

/// A time as Unix milliseconds (a number, or digits) or as RFC 3339. Errors: malformed, invalid_argument.
Result<WallTime> read_time(const boost::json::value& value, std::string_view name);
/// The same of a request's field; `absent` where there is none.
Result<WallTime> time_field(const boost::json::object& request, std::string_view name, WallTime absent);

}  // namespace dunlin::series
