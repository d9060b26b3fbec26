#pragma once
// Rows as JSON and as CSV.

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "service/query/query_run.h"
#include "service/query/value.h"

namespace dunlin::query {

/// UTC with as many digits as are needed: "2026-01-31T12:00:00Z".
std::string time_text(std::int64_t nanoseconds);

/// Times as text, intervals as seconds, NULL as null.
boost::json::value json_of(const Column& column, std::size_t row, const TextPool& texts);

/// RFC 4180, with a line of names. NULL is an empty field.
std::string csv_header(const std::vector<std::string>& names);
void add_csv_row(std::string& text, const Batch& batch, const TextPool& texts, std::size_t row);

/// Lines of NDJSON (row_stream.h).
std::string ndjson_header(const std::vector<std::string>& names, const std::vector<Type>& types);
void add_ndjson_row(std::string& text, const Batch& batch, const TextPool& texts, std::size_t row);
std::string ndjson_end(const QueryCost& cost, std::uint64_t rows);
std::string ndjson_error(const Error& error);

/// Name and type of each column.
boost::json::array columns_json(const std::vector<std::string>& names, const std::vector<Type>& types);

}  // namespace dunlin::query
