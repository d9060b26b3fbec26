#include "net/http/message.h"

#include <array>

namespace dunlin::net::http {
namespace {

constexpr std::array<std::string_view, 7> kMethods = {"GET",   "HEAD",   "POST",   "PUT",
                                                      "PATCH", "DELETE", "OPTIONS"};

}  // namespace

std::string_view method_name(Method method) {
  return kMethods[static_cast<std::size_t>(method)];
}

std::optional<Method> parse_method(std::string_view name) {
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    if (kMethods[i] == name) return static_cast<Method>(i);
  }
  return std::nullopt;
}

std::optional<std::string_view> Request::parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "";
  }
}

int status_of(Errc code) {
  switch (code) {
    case Errc::invalid_argument:
    case Errc::malformed:
      return 400;
    case Errc::limit_exceeded:
      return 413;
    case Errc::not_found:
      return 404;
    case Errc::already_exists:
    case Errc::conflict:
      return 409;
    case Errc::unauthenticated:
      return 401;
    case Errc::permission_denied:
      return 403;
    case Errc::unavailable:
      return 503;
    case Errc::timed_out:
      return 504;
    case Errc::no_space:
      return 507;
    case Errc::unsupported:
      return 501;
    case Errc::io:
    case Errc::corrupt:
    case Errc::cancelled:
    case Errc::internal:
      return 500;
  }
  return 500;
}

Response error_response(int status, std::string_view code, std::string_view message) {
  return json_response(status, "{\"error\":{\"code\":\"" + json_escape(code) + "\",\"message\":\"" +
                                   json_escape(message) + "\"}}");
}

Response error_response(Errc code, std::string_view message) {
  return error_response(status_of(code), errc_name(code), message);
}

Response json_response(int status, std::string_view json) {
  return {.status = status, .headers = {{"Content-Type", "application/json"}}, .body = Slice::copy_of(json)};
}

Response text_response(int status, std::string_view text) {
  return {.status = status,
          .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
          .body = Slice::copy_of(text)};
}

}  // namespace dunlin::net::http
