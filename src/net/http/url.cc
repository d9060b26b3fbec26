#include "net/http/url.h"

#include <algorithm>
#include <charconv>

#include "net/address_range.h"
#include "net/http/headers.h"

namespace dunlin::net::http {
namespace {

std::unexpected<Error> refuse(std::string_view why) {
  // Not the URL itself: it may hold a secret.
  return dunlin::fail(Errc::invalid_argument,
                      "a URL " + std::string(why) + "; it is written as https://host:port/path?query");
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// A registered name of letters, digits, '-', '.' and '_': no percent-encoding and nothing else that two
/// programs might read as two hosts.
bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 && host.front() != '.' && host.front() != '-' &&
         std::ranges::all_of(host,
                             [](char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

/// RFC 3986 sections 3.3 and 3.4, with '%' only before two hexadecimal digits.
bool is_target(std::string_view target) {
  const auto is_hex = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  for (std::size_t i = 0; i < target.size(); ++i) {
    const char c = target[i];
    if (c == '%') {
      if (i + 2 >= target.size() || !is_hex(target[i + 1]) || !is_hex(target[i + 2])) return false;
    } else if (!is_alphanumeric(c) && !std::string_view("-._~!$&'()*+,;=:@/?").contains(c)) {
      return false;
    }
  }
  return true;
}

Result<void> read_authority(std::string_view authority, Url& url) {
  if (authority.contains('@')) return refuse("has no place for a user name or a password: use a header");
  std::string_view host = authority;
  std::string_view port;
  const bool bracketed = authority.starts_with('[');
  const std::size_t end = bracketed ? authority.find(']') : authority.find(':');
  if (bracketed) {
    if (end == std::string_view::npos) return refuse("has a host whose bracket has no end");
    host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
    if (!host.contains(':') || host.contains('%') || !address_bytes(std::string(host)))
      return refuse("has an address in brackets that is none of IPv6");
  } else if (end != std::string_view::npos) {
    host = authority.substr(0, end);
    port = authority.substr(end);
  }
  if (!bracketed && !is_host(host)) return refuse("has no host, or one with characters that no host has");
  url.endpoint.host = host;
  for (char& c : url.endpoint.host)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  url.endpoint.port = url.scheme == Url::Scheme::https ? 443 : 80;
  if (port.empty()) return {};
  const auto read = std::from_chars(port.data() + 1, port.data() + port.size(), url.endpoint.port);
  const bool is_number =
      port.front() == ':' && read.ec == std::errc{} && read.ptr == port.data() + port.size();
  if (!is_number || url.endpoint.port == 0) return refuse("has a port that is no number from 1 to 65535");
  return {};
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kMaxUrlBytes)
    return dunlin::fail(Errc::limit_exceeded,
                        "a URL is longer than " + std::to_string(kMaxUrlBytes) + " bytes");
  Url url;
  const std::size_t colon = std::min(text.find("://"), text.size());
  const std::string_view scheme = text.substr(0, colon);
  const bool secure = equals_ignoring_case(scheme, "https");
  if (colon == text.size() || !(secure || equals_ignoring_case(scheme, "http")))
    return refuse("begins with https:// or http://");
  url.scheme = secure ? Url::Scheme::https : Url::Scheme::http;
  std::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  DUNLIN_CHECK(read_authority(rest.substr(0, end), url));
  const std::string_view target = rest.substr(end);
  if (!is_target(target)) return refuse("has characters that must be written as %XX");
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return url;
}

}  // namespace dunlin::net::http
