#pragma once
// The small text formats of HTTP: dates, percent-encoding, queries, cookies. Pure functions, any thread.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/http/headers.h"

namespace dunlin::net::http {

/// IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7). Parts of a second are cut off.
std::string format_date(WallTime time);
/// Reads an IMF-fixdate only; the two obsolete forms give nothing, as does a date that does not exist.
std::optional<WallTime> parse_date(std::string_view text);

/// Replaces %XX. Errors: malformed (a broken escape, a control character or text that is not UTF-8 after
/// decoding).
Result<std::string> percent_decode(std::string_view text);
/// Keeps unreserved characters (RFC 3986 section 2.3) and escapes all others.
std::string percent_encode(std::string_view text);

using QueryParameters = std::vector<std::pair<std::string, std::string>>;

/// The part after '?': "a=1&b=x+y"; '+' is a space. Errors: malformed (as percent_decode), limit_exceeded
/// (kMaxQueryParameters).
Result<QueryParameters> parse_query(std::string_view query);
std::string format_query(const QueryParameters& parameters);

/// A request target in its parts.
struct Target {
  std::string path;                   // as sent, without query; "/api/things/a%20b"
  std::vector<std::string> segments;  // decoded: {"api", "things", "a b"}; "/" has none, "/a/" is {"a", ""}
  QueryParameters query;
};
/// Reads origin-form ("/path?query") and absolute-form ("http://host/path", RFC 9112 section 3.2.2); "*" is a
/// path of its own. Errors: malformed (no such form, dot segments, broken escapes), limit_exceeded
/// (kMaxTargetBytes, kMaxPathSegments).
Result<Target> parse_target(std::string_view target);

/// The value of a cookie in a Cookie field: the first of that name (RFC 6265 section 4.2).
std::optional<std::string_view> find_cookie(const Headers& headers, std::string_view name);

enum class SameSite { strict, lax };
struct SetCookie {
  std::string name;   // a token
  std::string value;  // no control characters, spaces, quotes, commas, semicolons, backslashes
  std::string path = "/";
  std::optional<std::chrono::seconds> max_age;  // none: until the browser ends; 0 deletes it
  SameSite same_site = SameSite::strict;
  bool secure = true;  // left out only on a loopback listener without TLS
};
/// The value of a Set-Cookie field; always HttpOnly. Errors: invalid_argument.
Result<std::string> format_set_cookie(const SetCookie& cookie);

/// `text` as the inside of a JSON string. Bytes that are not UTF-8 become U+FFFD.
std::string json_escape(std::string_view text);

}  // namespace dunlin::net::http
