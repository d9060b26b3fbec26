#include "transport/http/openapi.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "net/http/message.h"
#include "transport/http/api.h"

namespace dunlin::transport {
namespace {

using boost::json::array;
using boost::json::object;
using model::Field;
using model::FieldType;

object schema_of(const Field& field) {
  object schema;
  if (field.type != FieldType::any) schema["type"] = model::field_type_name(field.type);
  schema["description"] = field.help;
  return schema;
}

object object_schema(const std::vector<Field>& fields) {
  object properties;
  array required;
  for (const Field& field : fields) {
    properties[field.name] = schema_of(field);
    if (field.need == model::Need::required) required.emplace_back(field.name);
  }
  object schema{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

object parameter(const Field& field, std::string_view place) {
  object schema = schema_of(field);
  schema.erase("description");
  return {{"name", field.name},
          {"in", place},
          {"required", place == "path" || field.need == model::Need::required},
          {"description", field.help},
          {"schema", std::move(schema)}};
}

object error_responses(std::span<const Errc> errors, std::string_view permission) {
  std::map<int, std::string> by_status{{400, "invalid_argument"}};
  if (permission != model::kPublic) {
    by_status[401] = "unauthenticated";
    by_status[403] = "permission_denied";
  }
  for (const Errc code : errors) {
    std::string& names = by_status[net::http::status_of(code)];
    const std::string name(errc_name(code));
    if (names.find(name) != std::string::npos) continue;
    names += (names.empty() ? "" : ", ") + name;
  }
  object responses;
  for (const auto& [status, names] : by_status) {
    responses[std::to_string(status)] =
        object{{"$ref", "#/components/responses/Error"}, {"description", names}};
  }
  return responses;
}

/// What calls of the session, and changes by its cookie, have to send.
object request_header() {
  return {{"name", kRequestHeader},
          {"in", "header"},
          {"required", true},
          {"description", "no other site's page can send it"},
          {"schema", {{"type", "string"}, {"const", "1"}}}};
}

object bytes_content() {
  return {{"application/octet-stream", {{"schema", {{"type", "string"}, {"format", "binary"}}}}}};
}

/// RFC 9110 section 14.
void add_byte_responses(object& responses) {
  responses["200"] =
      object{{"description", "All bytes; of whatever media type they are."}, {"content", bytes_content()}};
  responses["206"] = object{{"description", "The bytes that Range asks for."}, {"content", bytes_content()}};
  responses["304"] = object{{"description", "If-None-Match names what is there."}};
  responses["416"] =
      object{{"$ref", "#/components/responses/Error"}, {"description", "range_not_satisfiable"}};
}

/// What the bodies of an operation are.
enum class Content : std::uint8_t { fields, bytes };

object operation_object(const model::OperationSpec& spec, Content content = Content::fields) {
  const bool takes_bytes = content == Content::bytes && spec.method != model::Method::get;
  const auto in_path = path_fields(spec.path);
  const bool has_body =
      spec.method != model::Method::get && spec.method != model::Method::del && content == Content::fields;
  array parameters;
  std::vector<Field> body;
  for (const Field& field : spec.request) {
    if (std::ranges::find(in_path, field.name) != in_path.end()) {
      parameters.push_back(parameter(field, "path"));
    } else if (has_body) {
      body.push_back(field);
    } else {
      parameters.push_back(parameter(field, "query"));
    }
  }
  object responses = error_responses(spec.errors, spec.permission);
  const std::vector<Field> answer(spec.response.begin(), spec.response.end());
  object forms{{"application/json", {{"schema", object_schema(answer)}}}};
  for (const std::string_view type : spec.more_types) forms[type] = {{"schema", {{"type", "string"}}}};
  responses[takes_bytes ? "201" : "200"] = {{"description", "Done."}, {"content", std::move(forms)}};
  if (content == Content::bytes && !takes_bytes) add_byte_responses(responses);
  object result{{"operationId", spec.name},
                {"summary", spec.summary},
                {"tags", array{spec.name.substr(0, spec.name.find('.'))}},
                {"parameters", std::move(parameters)},
                {"responses", std::move(responses)},
                {"x-permission", spec.permission}};
  if (!body.empty()) {
    result["requestBody"] = {{"required", true},
                             {"content", {{"application/json", {{"schema", object_schema(body)}}}}}};
  }
  if (takes_bytes) result["requestBody"] = {{"required", true}, {"content", bytes_content()}};
  if (spec.permission == model::kPublic) result["security"] = array{};
  return result;
}

object components() {
  const object error_schema = {
      {"type", "object"},
      {"properties",
       {{"error",
         {{"type", "object"},
          {"properties", {{"code", {{"type", "string"}}}, {"message", {{"type", "string"}}}}},
          {"required", {"code", "message"}}}}}},
      {"required", array{"error"}}};
  return {{"responses",
           {{"Error",
             {{"description", "What went wrong: a stable code and a sentence."},
              {"content", {{"application/json", {{"schema", error_schema}}}}}}}}},
          {"securitySchemes",
           {{"token", {{"type", "http"}, {"scheme", "bearer"}}},
            {"session",
             {{"type", "apiKey"},
              {"in", "cookie"},
              {"name", kSessionCookie},
              {"description", "Changes need the header X-Dunlin-Request: 1 too."}}}}}};
}

}  // namespace

std::string lower_case(std::string_view method) {
  std::string text(method);
  std::ranges::transform(text, text.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::vector<std::string> path_fields(std::string_view path) {
  std::vector<std::string> names;
  for (std::size_t open = path.find('{'); open != std::string_view::npos; open = path.find('{', open + 1)) {
    names.emplace_back(path.substr(open + 1, path.find('}', open) - open - 1));
  }
  return names;
}

object openapi_document(const model::OperationTable& table,
                        std::span<const model::OperationSpec> session_operations,
                        std::span<const model::OperationSpec> device_operations,
                        std::span<const model::OperationSpec> byte_operations, std::string_view version) {
  object paths;
  const auto add = [&paths](const model::OperationSpec& spec, object description) {
    boost::json::value& path = paths[spec.path];
    if (!path.is_object()) path = object{};
    path.get_object()[lower_case(model::method_name(spec.method))] = std::move(description);
  };
  for (const model::Operation& operation : table.all()) add(operation.spec, operation_object(operation.spec));
  for (const model::OperationSpec& spec : device_operations) add(spec, operation_object(spec));
  for (const model::OperationSpec& spec : byte_operations) add(spec, operation_object(spec, Content::bytes));
  for (const model::OperationSpec& spec : session_operations) {
    object description = operation_object(spec);
    if (spec.method != model::Method::get) description["parameters"].as_array().push_back(request_header());
    add(spec, std::move(description));
  }
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "Dunlin"},
            {"version", version},
            {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
          {"paths", std::move(paths)},
          {"components", components()},
          {"security", array{object{{"token", array{}}}, object{{"session", array{}}}}}};
}

}  // namespace dunlin::transport
