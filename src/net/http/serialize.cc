#include "net/http/serialize.h"

#include <algorithm>

namespace dunlin::net::http {
namespace {

bool is_framing_field(std::string_view name) {
  constexpr std::string_view kNames[] = {"Content-Length", "Transfer-Encoding", "Connection", "Date"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [name](auto own) { return equals_ignoring_case(name, own); });
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

bool has_body_by_habit(Method method) {
  return method == Method::post || method == Method::put || method == Method::patch;
}

bool is_visible(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

bool is_sendable(const Headers& headers) {
  return std::all_of(headers.begin(), headers.end(),
                     [](const auto& field) { return is_token(field.first) && is_field_value(field.second); });
}

bool is_bodiless(int status) {
  return status < 200 || status == 204 || status == 304;
}

std::string serialize_head(const Response& response, const ResponseFraming& framing) {
  std::string out;
  out.reserve(512);
  out.append("HTTP/1.1 ")
      .append(std::to_string(response.status))
      .append(" ")
      .append(reason_phrase(response.status))
      .append("\r\n");
  if (!framing.date.empty()) append_field(out, "Date", framing.date);
  const bool switching = response.status == 101;
  for (const auto& [name, value] : response.headers) {
    if (is_framing_field(name) && !(switching && equals_ignoring_case(name, "Connection"))) continue;
    append_field(out, name, value);
  }
  if (framing.more != nullptr) {
    for (const auto& [name, value] : *framing.more) {
      if (!response.headers.get(name)) append_field(out, name, value);
    }
  }
  if (framing.body == ResponseFraming::Body::chunked) append_field(out, "Transfer-Encoding", "chunked");
  if (!is_bodiless(response.status) && framing.body == ResponseFraming::Body::counted)
    append_field(out, "Content-Length", std::to_string(framing.body_bytes.value_or(response.body.size())));
  if (framing.keep_alive == KeepAlive::no && !switching) append_field(out, "Connection", "close");
  if (framing.keep_alive == KeepAlive::yes && framing.version == Version::http_1_0)
    append_field(out, "Connection", "keep-alive");
  return out.append("\r\n");
}

Result<std::string> serialize_request_head(const RequestLine& line, const Headers& headers) {
  if (!is_visible(line.target))
    return fail(Errc::invalid_argument, "the request target holds a blank or control character");
  if (!is_visible(line.host))
    return fail(Errc::invalid_argument, "the host is empty or holds a blank or control character");
  if (!is_sendable(headers)) return fail(Errc::invalid_argument, "a request field cannot be sent");
  std::string out;
  out.append(method_name(line.method)).append(" ").append(line.target).append(" HTTP/1.1\r\n");
  append_field(out, "Host", line.host);
  bool has_connection = false;
  for (const auto& [name, value] : headers) {
    if (equals_ignoring_case(name, "Host") || equals_ignoring_case(name, "Content-Length")) continue;
    if (equals_ignoring_case(name, "Transfer-Encoding")) continue;
    has_connection = has_connection || equals_ignoring_case(name, "Connection");
    append_field(out, name, value);
  }
  if (line.body_bytes > 0 || has_body_by_habit(line.method))
    append_field(out, "Content-Length", std::to_string(line.body_bytes));
  if (line.keep_alive == KeepAlive::no && !has_connection) append_field(out, "Connection", "close");
  return out.append("\r\n");
}

}  // namespace dunlin::net::http
