#include "security/sas_token.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/base64.h"
#include "net/http/text.h"
#include "security/jwt.h"
#include "security/limits.h"

namespace dunlin::security {
namespace {

constexpr std::string_view kScheme = "SharedAccessSignature ";
constexpr std::string_view kDevices = "/devices/";
using Fields = std::map<std::string_view, std::string_view>;

std::unexpected<Error> refused(std::string why) {
  return fail(Errc::unauthenticated, "the SAS token is refused: " + std::move(why));
}

/// NAME=VALUE&..., each known name at most once.
Result<Fields> fields_of(std::string_view text) {
  constexpr std::array<std::string_view, 4> kNames{"sr", "sig", "se", "skn"};
  Fields fields;
  while (true) {
    const std::string_view field = text.substr(0, text.find('&'));
    const std::size_t equals = field.find('=');
    const std::string_view name = field.substr(0, equals);
    if (equals == std::string_view::npos || std::ranges::find(kNames, name) == kNames.end() ||
        !fields.emplace(name, field.substr(equals + 1)).second) {
      return refused("its fields are sr, sig, se and, if need be, skn, each once");
    }
    if (field.size() == text.size()) break;
    text.remove_prefix(field.size() + 1);
  }
  if (!fields.contains("sr") || !fields.contains("sig") || !fields.contains("se"))
    return refused("sr, sig or se is missing");
  return fields;
}

Result<void> read_resource(std::string_view encoded, SasToken& token) {
  const auto resource = net::http::percent_decode(encoded);
  const std::size_t at = resource ? resource->rfind(kDevices) : std::string::npos;
  if (at == std::string::npos) return refused("sr is not AUDIENCE/devices/THING, percent-encoded");
  token.audience = resource->substr(0, at);
  token.thing = resource->substr(at + kDevices.size());
  return {};
}

Result<std::int64_t> read_expiry(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds <= 0)
    return refused("se is no time in seconds since 1970");
  return seconds;
}

Result<Digest> read_signature(std::string_view encoded) {
  const auto text = net::http::percent_decode(encoded);
  const auto bytes = text ? from_base64(*text) : fail(Errc::malformed, "");
  Digest signature{};
  if (!bytes || bytes->size() != signature.size())
    return refused("sig is not the percent-encoded base64 of an HMAC-SHA256");
  std::ranges::copy(*bytes, signature.begin());
  return signature;
}

}  // namespace

bool looks_like_sas_token(std::string_view text) {
  return text.starts_with(kScheme);
}

Result<SasToken> parse_sas_token(std::string_view text) {
  if (text.size() > kMaxSasBytes) return fail(Errc::limit_exceeded, "the SAS token is too long");
  if (!looks_like_sas_token(text)) return refused("it does not begin with SharedAccessSignature");
  DUNLIN_TRY(Fields fields, fields_of(text.substr(kScheme.size())));
  SasToken token;
  DUNLIN_CHECK(read_resource(fields["sr"], token));
  DUNLIN_TRY(token.expires_at, read_expiry(fields["se"]));
  DUNLIN_TRY(token.signature, read_signature(fields["sig"]));
  token.key_name = fields["skn"];
  token.signed_part.append(fields["sr"]).append("\n").append(fields["se"]);
  return token;
}

Result<WallTime> check_sas_token(const SasToken& token, std::span<const std::string> audiences,
                                 WallTime now) {
  if (std::ranges::find(audiences, token.audience) == audiences.end())
    return refused("the audience in its sr is not this server's");
  const WallTime end = end_of_proof(token.expires_at, now);
  if (end <= now) return refused("it has expired");
  if (end > now + kMaxSasLifetime) return refused("it is valid for more than 31 days from now");
  return end;
}

bool sas_signed_by(const SasToken& token, ByteView key) {
  const Digest right = hmac_sha256(key, as_bytes(token.signed_part));
  return constant_time_equal(as_text(right), as_text(token.signature));
}

}  // namespace dunlin::security
