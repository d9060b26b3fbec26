#include "security/jwt.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <optional>

#include "base/base64.h"
#include "security/limits.h"

namespace dunlin::security {
namespace {

namespace json = boost::json;

/// What the times of a WallTime reach; what is beyond is no date that anybody means.
constexpr std::int64_t kLatestSecond = 9'000'000'000;

std::unexpected<Error> refused(std::string why) {
  return fail(Errc::unauthenticated, "the JWT is refused: " + std::move(why));
}

Result<json::object> read_object(std::string_view encoded, const char* what) {
  const auto bytes = from_base64url(encoded);
  if (!bytes) return refused(std::string(what) + " is not base64url");
  json::error_code error;
  json::parse_options options;
  options.max_depth = kMaxJwtDepth;
  json::value value = json::parse(as_text(*bytes), error, {}, options);
  if (error || !value.is_object()) return refused(std::string(what) + " is no JSON object");
  return std::move(value).as_object();
}

/// NumericDate (RFC 7519 section 2), without its fraction. nullopt: it is not there.
Result<std::optional<std::int64_t>> date_of(const json::object& claims, std::string_view name) {
  const json::value* found = claims.if_contains(name);
  if (found == nullptr) return std::nullopt;
  if (!found->is_number()) return refused("\"" + std::string(name) + "\" is no number");
  const double seconds = found->to_number<double>();
  if (!(seconds >= 1 && seconds <= static_cast<double>(kLatestSecond)))
    return refused("\"" + std::string(name) + "\" is no time in seconds since 1970");
  return static_cast<std::int64_t>(std::floor(seconds));
}

Result<std::int64_t> required_date(const json::object& claims, std::string_view name) {
  DUNLIN_TRY(const auto date, date_of(claims, name));
  if (!date) return refused("\"" + std::string(name) + "\" is missing");
  return *date;
}

/// One text or a list of them (RFC 7519 section 4.1.3).
Result<std::vector<std::string>> audience_of(const json::object& claims) {
  std::vector<std::string> audience;
  const json::value* found = claims.if_contains("aud");
  if (found != nullptr && found->is_string()) audience.emplace_back(found->get_string());
  if (found != nullptr && found->is_array()) {
    for (const json::value& one : found->get_array()) {
      if (!one.is_string()) return refused("\"aud\" holds something that is no text");
      audience.emplace_back(one.get_string());
    }
  }
  if (audience.empty()) return refused("\"aud\" is missing");
  return audience;
}

Result<SignatureAlgorithm> read_header(std::string_view encoded) {
  DUNLIN_TRY(const json::object header, read_object(encoded, "its header"));
  // RFC 7515 section 4.1.11: what must be understood and is not makes the whole invalid.
  if (header.contains("crit")) return refused("\"crit\" asks for what is not known here");
  const json::value* name = header.if_contains("alg");
  if (name != nullptr && name->is_string()) {
    if (name->get_string() == "RS256") return SignatureAlgorithm::rs256;
    if (name->get_string() == "ES256") return SignatureAlgorithm::es256;
  }
  return refused("\"alg\" must be RS256 or ES256");
}

Result<void> read_claims(std::string_view encoded, Jwt& jwt) {
  DUNLIN_TRY(const json::object claims, read_object(encoded, "its payload"));
  DUNLIN_TRY(jwt.audience, audience_of(claims));
  DUNLIN_TRY(jwt.issued_at, required_date(claims, "iat"));
  DUNLIN_TRY(jwt.expires_at, required_date(claims, "exp"));
  DUNLIN_TRY(const auto not_before, date_of(claims, "nbf"));
  jwt.not_before = not_before.value_or(0);
  const json::value* subject = claims.if_contains("sub");
  if (subject == nullptr) return {};
  if (!subject->is_string() || subject->get_string().empty()) return refused("\"sub\" is no name");
  jwt.subject = subject->get_string();
  return {};
}

WallTime at_second(std::int64_t seconds) {
  return WallTime{std::chrono::seconds{seconds}};
}

}  // namespace

bool looks_like_jwt(std::string_view text) {
  // "eyJ" is how every JSON object begins whose first member's name follows at once.
  return text.starts_with("eyJ") && std::ranges::count(text, '.') == 2;
}

Result<Jwt> parse_jwt(std::string_view text) {
  if (text.size() > kMaxJwtBytes) return fail(Errc::limit_exceeded, "the JWT is too long");
  const std::size_t first = text.find('.');
  const std::size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos)
    return refused("it does not have three parts");
  Jwt jwt;
  DUNLIN_TRY(jwt.algorithm, read_header(text.substr(0, first)));
  DUNLIN_CHECK(read_claims(text.substr(first + 1, second - first - 1), jwt));
  auto signature = from_base64url(text.substr(second + 1));
  if (!signature || signature->empty()) return refused("its signature is not base64url");
  jwt.signature = *std::move(signature);
  jwt.signed_part = text.substr(0, second);
  return jwt;
}

WallTime end_of_proof(std::int64_t seconds, WallTime now) {
  const WallTime stated = at_second(std::min(seconds, kLatestSecond));
  return stated > now ? stated : stated + kMaxClockSkew;
}

Result<WallTime> check_claims(const Jwt& jwt, std::span<const std::string> audiences, WallTime now) {
  const bool meant = std::ranges::any_of(jwt.audience, [&](const std::string& one) {
    return std::ranges::find(audiences, one) != audiences.end();
  });
  if (!meant) return refused("its \"aud\" is not this server's");
  if (jwt.expires_at <= jwt.issued_at) return refused("it expires before it was issued");
  if (std::chrono::seconds{jwt.expires_at - jwt.issued_at} > kMaxJwtLifetime)
    return refused("it is valid for more than 24 hours");
  if (at_second(jwt.issued_at) > now + kMaxClockSkew)
    return refused("it was issued in the future; look at the clocks");
  if (at_second(jwt.not_before) > now + kMaxClockSkew) return refused("it is not valid yet");
  const WallTime end = end_of_proof(jwt.expires_at, now);
  if (end <= now) return refused("it has expired");
  return end;
}

}  // namespace dunlin::security
