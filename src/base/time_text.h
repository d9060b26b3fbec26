#pragma once
// Times as text: RFC 3339.

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace dunlin {

/// UTC with milliseconds, rounded down: "2026-11-23T02:03:04.123Z". Any thread.
std::string format_rfc3339(WallTime time);

/// The same with as many digits of the second as there are, none or up to nine.
std::string format_rfc3339_exact(WallTime time);

/// RFC 3339 section 5.6 with any offset and any number of fraction digits (those past nanoseconds are cut). A
/// leap second (23:59:60 UTC) is the second after it. Errors: malformed, invalid_argument (outside
/// 1678..2261). Any thread.
Result<WallTime> parse_rfc3339(std::string_view text);

}  // namespace dunlin
