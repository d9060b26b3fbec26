#include "service/query/answer.h"

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "base/time_text.h"
#include "model/text.h"

namespace dunlin::query {
namespace {

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted.push_back('"');
    quoted.push_back(c);
  }
  return quoted + "\"";
}

std::string number_text(double number) {
  std::array<char, 40> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return {digits.data(), end};
}

std::string cell_text(const Column& column, std::size_t row, const TextPool& texts) {
  if (!column.is_valid(row)) return {};
  switch (column.type) {
    case Type::boolean:
      return column.integer(row) != 0 ? "true" : "false";
    case Type::number:
      return number_text(column.number(row));
    case Type::text:
      return csv_field(texts.text_at(column.integer(row)));
    case Type::time:
      return time_text(column.integer(row));
    case Type::interval:
      return number_text(static_cast<double>(column.integer(row)) / 1e9);
    default:
      return std::to_string(column.integer(row));
  }
}

}  // namespace

std::string time_text(std::int64_t nanoseconds) {
  std::string text = format_rfc3339(from_unix_nanoseconds(nanoseconds));
  text.resize(19);
  std::int64_t rest = nanoseconds % 1'000'000'000;
  if (rest < 0) rest += 1'000'000'000;
  if (rest != 0) {
    std::string digits = std::to_string(1'000'000'000 + rest).substr(1);
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text + "Z";
}

boost::json::value json_of(const Column& column, std::size_t row, const TextPool& texts) {
  if (!column.is_valid(row)) return nullptr;
  switch (column.type) {
    case Type::boolean:
      return column.integer(row) != 0;
    case Type::number: {
      const double number = column.number(row);
      if (!std::isfinite(number)) return nullptr;
      if (std::trunc(number) == number && std::abs(number) < 9e15) return static_cast<std::int64_t>(number);
      return number;
    }
    case Type::text:
      return boost::json::value(texts.text_at(column.integer(row)));
    case Type::time:
      return boost::json::value(time_text(column.integer(row)));
    case Type::interval:
      return static_cast<double>(column.integer(row)) / 1e9;
    default:
      return column.integer(row);
  }
}

std::string csv_header(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + csv_field(name);
  return text + "\r\n";
}

void add_csv_row(std::string& text, const Batch& batch, const TextPool& texts, std::size_t row) {
  for (std::size_t i = 0; i < batch.columns.size(); ++i) {
    if (i != 0) text.push_back(',');
    text += cell_text(*batch.columns[i], row, texts);
  }
  text += "\r\n";
}

boost::json::array columns_json(const std::vector<std::string>& names, const std::vector<Type>& types) {
  boost::json::array columns;
  for (std::size_t i = 0; i < names.size(); ++i)
    columns.push_back({{"name", names[i]}, {"type", type_name(types[i])}});
  return columns;
}

std::string ndjson_header(const std::vector<std::string>& names, const std::vector<Type>& types) {
  return boost::json::serialize(boost::json::object{{"columns", columns_json(names, types)}}) + "\n";
}

void add_ndjson_row(std::string& text, const Batch& batch, const TextPool& texts, std::size_t row) {
  char sign = '[';
  for (const ColumnPtr& column : batch.columns) {
    text.push_back(std::exchange(sign, ','));
    text += model::json_text(json_of(*column, row, texts));
  }
  text += "]\n";
}

std::string ndjson_end(const QueryCost& cost, std::uint64_t rows) {
  const boost::json::object end{
      {"rows", rows}, {"points_read", cost.points_read}, {"chunks_by_summary", cost.chunks_by_summary}};
  return boost::json::serialize(boost::json::object{{"end", end}}) + "\n";
}

std::string ndjson_error(const Error& error) {
  const boost::json::object told{{"code", errc_name(error.code)}, {"message", error.message}};
  return boost::json::serialize(boost::json::object{{"error", told}}) + "\n";
}

}  // namespace dunlin::query
