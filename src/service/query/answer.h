#pragma once
// Rows as JSON and as CSV.

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "service/query/value.h"

namespace dunlin::query {

/// UTC with as many digits as are needed: "2026-01-31T12:00:00Z".
std::string time_text(std::int64_t nanoseconds);

/// Times as text, intervals as seconds, NULL as null.
boost::json::value json_of(const Column& column, std::size_t row, const TextPool& texts);

/// RFC 4180, with a line of names. NULL is an empty field.
std::string csv_header(const std::vector<std::string>& names);
void add_csv(std::string& text, const Batch& batch, const TextPool& texts, std::size_t rows);

}  // namespace dunlin::query
