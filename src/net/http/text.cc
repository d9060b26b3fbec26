#include "net/http/text.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/core/utf8.h"
#include "net/http/limits.h"

namespace dunlin::net::http {
namespace {

constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::string_view kHexDigits = "0123456789ABCDEF";

std::optional<int> digits(std::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

bool is_unreserved(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return c == '-' || c == '.' || c == '_' || c == '~';
}

enum class PlusSign { literal, space };

Result<std::string> decode(std::string_view text, PlusSign plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus == PlusSign::space) c = ' ';
    if (c == '%') {
      if (text.size() - i < 3) return fail(Errc::malformed, "a percent escape is cut short");
      const auto high = hex_digit(text[i + 1]);
      const auto low = hex_digit(text[i + 2]);
      if (!high || !low) return fail(Errc::malformed, "a percent escape is not hexadecimal");
      c = static_cast<char>(*high * 16 + *low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return fail(Errc::malformed, "a control character in the target");
    out.push_back(c);
  }
  if (!is_valid_utf8(out)) return fail(Errc::malformed, "the target is not UTF-8");
  return out;
}

bool is_dot_segment(std::string_view segment) {
  return segment == "." || segment == "..";
}

bool is_cookie_value(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '"' || c == ',' || c == ';' || c == '\\') return false;
  }
  return true;
}

}  // namespace

std::string format_date(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{seconds - day};
  const auto weekday = std::chrono::weekday{day}.c_encoding();
  const auto month = static_cast<unsigned>(date.month());
  char buffer[64];
  const int length =
      std::snprintf(buffer, sizeof buffer, "%s, %02u %s %04d %02d:%02d:%02d GMT", kDays[weekday],
                    static_cast<unsigned>(date.day()), kMonths[month - 1], static_cast<int>(date.year()),
                    static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                    static_cast<int>(clock.seconds().count()));
  return {buffer, static_cast<std::size_t>(length)};
}

std::optional<WallTime> parse_date(std::string_view text) {
  // "Sun, 06 Nov 1994 08:49:37 GMT"
  if (text.size() != 29 || text.substr(3, 2) != ", " || text[7] != ' ' || text[11] != ' ' || text[16] != ' ')
    return std::nullopt;
  if (text[19] != ':' || text[22] != ':' || text.substr(25) != " GMT") return std::nullopt;
  const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
  const auto weekday = std::find(kDays.begin(), kDays.end(), text.substr(0, 3));
  const auto day = digits(text.substr(5, 2)), year = digits(text.substr(12, 4));
  const auto hour = digits(text.substr(17, 2)), minute = digits(text.substr(20, 2)),
             second = digits(text.substr(23, 2));
  if (month == kMonths.end() || weekday == kDays.end()) return std::nullopt;
  if (!day || !year || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{
      std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(month - kMonths.begin()) + 1},
      std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  // WallTime counts nanoseconds in 64 bits: it ends in 2262.
  if (*year < 1970 || *year > 2261) return std::nullopt;
  return WallTime{std::chrono::sys_days{date}} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
         std::chrono::seconds{*second};
}

Result<std::string> percent_decode(std::string_view text) {
  return decode(text, PlusSign::literal);
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHexDigits[byte >> 4]);
    out.push_back(kHexDigits[byte & 15]);
  }
  return out;
}

Result<QueryParameters> parse_query(std::string_view query) {
  QueryParameters parameters;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    if (!pair.empty()) {
      if (parameters.size() == kMaxQueryParameters)
        return fail(Errc::limit_exceeded, "too many query parameters");
      const auto equals = pair.find('=');
      DUNLIN_TRY(auto name, decode(pair.substr(0, equals), PlusSign::space));
      const auto raw = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
      DUNLIN_TRY(auto value, decode(raw, PlusSign::space));
      parameters.emplace_back(std::move(name), std::move(value));
    }
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return parameters;
}

std::string format_query(const QueryParameters& parameters) {
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out.push_back('&');
    out += percent_encode(name) + '=' + percent_encode(value);
  }
  return out;
}

Result<Target> parse_target(std::string_view target) {
  if (target.size() > kMaxTargetBytes) return fail(Errc::limit_exceeded, "the request target is too long");
  Target out;
  if (target == "*") {
    out.path = "*";
    return out;
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() < scheme.size() || !equals_ignoring_case(target.substr(0, scheme.size()), scheme))
      continue;
    target.remove_prefix(scheme.size());
    target.remove_prefix(std::min(target.size(), target.find_first_of("/?")));
    if (target.empty() || target.front() == '?')
      return fail(Errc::malformed, "the request target has no path");
    break;
  }
  if (target.empty() || target.front() != '/')
    return fail(Errc::malformed, "the request target does not begin with '/'");
  if (target.contains('#')) return fail(Errc::malformed, "the request target holds a fragment");
  const auto question = target.find('?');
  std::string_view path = target.substr(0, question);
  out.path = path;
  if (question != std::string_view::npos) {
    DUNLIN_TRY(out.query, parse_query(target.substr(question + 1)));
  }
  path.remove_prefix(1);
  while (out.path.size() > 1) {
    if (out.segments.size() == kMaxPathSegments)
      return fail(Errc::limit_exceeded, "the path has too many segments");
    const auto slash = path.find('/');
    DUNLIN_TRY(auto segment, percent_decode(path.substr(0, slash)));
    if (is_dot_segment(segment)) return fail(Errc::malformed, "the path holds a dot segment");
    out.segments.push_back(std::move(segment));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return out;
}

std::optional<std::string_view> find_cookie(const Headers& headers, std::string_view name) {
  std::size_t seen = 0;
  for (const auto& [field, content] : headers) {
    if (!equals_ignoring_case(field, "Cookie")) continue;
    std::string_view rest = content;
    while (!rest.empty() && seen++ < kMaxCookies) {
      const auto end = rest.find(';');
      const auto pair = trimmed(rest.substr(0, end));
      const auto equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 1);
    }
  }
  return std::nullopt;
}

Result<std::string> format_set_cookie(const SetCookie& cookie) {
  if (!is_token(cookie.name)) return fail(Errc::invalid_argument, "a cookie name is not a token");
  if (!is_cookie_value(cookie.value))
    return fail(Errc::invalid_argument, "a cookie value holds a forbidden character");
  if (!is_cookie_value(cookie.path))
    return fail(Errc::invalid_argument, "a cookie path holds a forbidden character");
  std::string out = cookie.name + '=' + cookie.value + "; Path=" + cookie.path;
  if (cookie.max_age) out += "; Max-Age=" + std::to_string(cookie.max_age->count());
  out += "; HttpOnly";
  if (cookie.secure) out += "; Secure";
  out += cookie.same_site == SameSite::strict ? "; SameSite=Strict" : "; SameSite=Lax";
  return out;
}

std::string json_escape(std::string_view text) {
  std::string out;
  const bool valid = is_valid_utf8(text);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out.push_back(kHexDigits[byte >> 4]);
      out.push_back(kHexDigits[byte & 15]);
    } else if (byte >= 0x80 && !valid) {
      out += "\\uFFFD";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace dunlin::net::http
