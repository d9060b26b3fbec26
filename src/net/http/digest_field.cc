#include "net/http/digest_field.h"

#include <algorithm>

#include "base/base64.h"

namespace dunlin::net::http {
namespace {

constexpr std::string_view kAlgorithm = "sha-256";

enum class Form : std::uint8_t { structured, old };

std::unexpected<Error> wrong(std::string_view field) {
  return fail(Errc::malformed, std::string(field) + " states no SHA-256 that can be read");
}

/// One member of a field: `sha-256=:BASE64:` in the new fields, `SHA-256=BASE64` in the old one.
Result<std::optional<Sha256Value>> read_member(std::string_view field, std::string_view member, Form form) {
  const std::size_t equals = member.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  if (!equals_ignoring_case(trimmed(member.substr(0, equals)), kAlgorithm)) return std::nullopt;
  std::string_view text = trimmed(member.substr(equals + 1));
  if (form == Form::structured) {
    // A byte sequence of RFC 8941 section 3.3.5; parameters behind it say nothing here.
    const std::size_t end = text.find(':', 1);
    if (!text.starts_with(':') || end == std::string_view::npos) return wrong(field);
    text = text.substr(1, end - 1);
  }
  const auto bytes = from_base64(text);
  Sha256Value hash{};
  if (!bytes || bytes->size() != hash.size()) return wrong(field);
  std::ranges::copy(*bytes, hash.begin());
  return hash;
}

}  // namespace

Result<std::optional<Sha256Value>> read_sha256(const Headers& headers) {
  constexpr std::string_view kFields[] = {"Repr-Digest", "Content-Digest", "Digest"};
  std::optional<Sha256Value> found;
  for (const auto& [name, value] : headers) {
    const auto known =
        std::ranges::find_if(kFields, [&](std::string_view one) { return equals_ignoring_case(one, name); });
    if (known == std::end(kFields)) continue;
    for (const std::string_view member : list_elements(value)) {
      DUNLIN_TRY(const auto hash,
                 read_member(*known, member, *known == "Digest" ? Form::old : Form::structured));
      if (hash && found && *hash != *found)
        return fail(Errc::malformed, "the digests of the message differ from each other");
      if (hash) found = hash;
    }
  }
  return found;
}

std::string repr_digest(const Sha256Value& hash) {
  return "sha-256=:" + to_base64(hash) + ":";
}

}  // namespace dunlin::net::http
