// `dunlin series query --csv` and `--ndjson`: rows as they come, however many there are.

#include <boost/json.hpp>
#include <cstdio>
#include <optional>

#include "apps/api_client.h"
#include "apps/render.h"
#include "model/text.h"

namespace dunlin::apps {
namespace {

constexpr std::string_view kId = "rows";

/// Takes the frames of the query (docs/protocols/live.md).
class RowPrinter {
 public:
  explicit RowPrinter(CallCommand::Rows format) : format_(format) {}

  ApiClient::Go take(std::string_view text) {
    boost::system::error_code error;
    const boost::json::value frame = boost::json::parse(text, error);
    if (error || !frame.is_object()) return ApiClient::Go::on;
    const boost::json::object& object = frame.get_object();
    const auto* type = object.if_contains("type");
    if (type == nullptr || *type != "query") return ApiClient::Go::on;
    if (const auto* csv = object.if_contains("csv"); csv != nullptr && csv->is_string())
      return print(csv->get_string());
    const auto* rows = object.if_contains("rows");
    if (rows == nullptr || !rows->is_array()) return ApiClient::Go::on;
    for (const boost::json::value& row : rows->get_array()) {
      if (take_line(row) == ApiClient::Go::done) return ApiClient::Go::done;
    }
    return ApiClient::Go::on;
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  ApiClient::Go take_line(const boost::json::value& line) {
    const boost::json::object none;
    const boost::json::object& object = line.is_object() ? line.get_object() : none;
    if (const auto* error = object.if_contains("error"); error != nullptr && error->is_object()) {
      const auto* message = error->get_object().if_contains("message");
      error_ = {Errc::invalid_argument,
                message != nullptr && message->is_string() ? std::string(message->get_string()) : "refused"};
    }
    const auto printed =
        format_ == CallCommand::Rows::ndjson ? print(model::json_text(line) + "\n") : ApiClient::Go::on;
    return error_ || object.contains("end") ? ApiClient::Go::done : printed;
  }

  /// Where nobody reads any more, nothing more is asked for.
  static ApiClient::Go print(std::string_view text) {
    const bool is_written =
        std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    return is_written ? ApiClient::Go::on : ApiClient::Go::done;
  }

  CallCommand::Rows format_;
  std::optional<Error> error_;
};

}  // namespace

Result<void> print_rows(const CallCommand& command, const boost::json::object& fields, ApiClient& client) {
  boost::json::object query = fields;
  query["id"] = kId;
  query["format"] = command.rows == CallCommand::Rows::csv ? "csv" : "json";
  RowPrinter printer(command.rows);
  DUNLIN_CHECK(client.watch(model::json_text(boost::json::object{{"query", std::move(query)}}),
                            [&printer](std::string_view text) { return printer.take(text); }));
  if (printer.error()) return std::unexpected(*printer.error());
  return {};
}

}  // namespace dunlin::apps
