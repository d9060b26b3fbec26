#include <boost/json.hpp>
#include <charconv>

#include "model/text.h"
#include "transport/http/api.h"
#include "transport/http/limits.h"
#include "transport/http/openapi.h"

namespace dunlin::transport {
namespace {

using model::FieldType;

const model::Field* field_named(const model::OperationSpec& spec, std::string_view name) {
  for (const model::Field& field : spec.request) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

template <class Number>
Result<boost::json::value> number_from(std::string_view name, const std::string& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(Errc::invalid_argument, "\"" + std::string(name) + "\" must be a number");
  }
  return boost::json::value(number);
}

/// A text of the path or query as the declared type. Unknown names stay texts: the table refuses them with
/// their name.
Result<boost::json::value> value_from_text(const model::OperationSpec& spec, std::string_view name,
                                           const std::string& text) {
  const model::Field* field = field_named(spec, name);
  if (field == nullptr) return boost::json::value(text);
  switch (field->type) {
    case FieldType::integer:
      return number_from<std::int64_t>(name, text);
    case FieldType::number:
      return number_from<double>(name, text);
    case FieldType::boolean:
      if (text == "true" || text == "false") return boost::json::value(text == "true");
      return fail(Errc::invalid_argument, "\"" + std::string(name) + "\" must be true or false");
    default:
      return boost::json::value(text);
  }
}

Result<boost::json::object> read_body(const net::http::Request& request) {
  if (request.body.empty()) return boost::json::object{};
  const auto type = request.headers.get("Content-Type").value_or("");
  if (!type.starts_with("application/json") && !type.starts_with("application/merge-patch+json")) {
    return fail(Errc::invalid_argument, "send the body as Content-Type: application/json");
  }
  boost::json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  boost::system::error_code error;
  boost::json::value body = boost::json::parse(request.body, error, {}, options);
  if (error) return fail(Errc::malformed, "the body is not JSON: " + error.message());
  if (!body.is_object()) return fail(Errc::malformed, "the body must be a JSON object");
  return std::move(body.get_object());
}

}  // namespace

Result<boost::json::object> read_fields(const model::OperationSpec& spec, const net::http::Request& request,
                                        const net::http::PathParameters& path) {
  boost::json::object fields;
  const bool has_body = spec.method != model::Method::get && spec.method != model::Method::del;
  if (has_body) {
    DUNLIN_TRY(fields, read_body(request));
  }
  for (const auto& [name, text] : request.query) {
    if (has_body)
      return fail(Errc::invalid_argument, "\"" + name + "\" belongs into the JSON body, not into the query");
    DUNLIN_TRY(fields[name], value_from_text(spec, name, text));
  }
  for (const std::string& name : path_fields(spec.path)) {
    const std::string text(path.get(name));
    if (const auto* twice = fields.if_contains(name);
        twice != nullptr && *twice != boost::json::value(text)) {
      return fail(Errc::invalid_argument, "\"" + name + "\" differs between the path and the body");
    }
    DUNLIN_TRY(fields[name], value_from_text(spec, name, text));
  }
  return fields;
}

net::http::Response render(const Result<boost::json::value>& answer) {
  if (!answer) return net::http::error_response(answer.error().code, answer.error().message);
  net::http::Response response = net::http::json_response(200, model::json_text(*answer));
  response.headers.set("Cache-Control", "no-store");
  return response;
}

}  // namespace dunlin::transport
