#include "security/names.h"

#include <algorithm>

#include "base/core/utf8.h"
#include "security/limits.h"

namespace dunlin::security {
namespace {

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

enum class First : std::uint8_t { any, alphanumeric };

Result<void> check_name(std::string_view name, std::string_view what, std::string_view extra,
                        std::size_t limit, First first = First::alphanumeric) {
  if (name.empty() || name.size() > limit) {
    return fail(Errc::invalid_argument,
                std::string(what) + " must have 1 to " + std::to_string(limit) + " characters");
  }
  const auto allowed = [&](char c) { return is_alphanumeric(c) || extra.contains(c); };
  if (!std::ranges::all_of(name, allowed)) {
    return fail(Errc::invalid_argument, std::string(what) + " may hold A-Z a-z 0-9 " + std::string(extra));
  }
  if (first == First::alphanumeric && !is_alphanumeric(name.front())) {
    return fail(Errc::invalid_argument, std::string(what) + " must begin with a letter or digit");
  }
  return {};
}

}  // namespace

Result<void> check_thing_name(std::string_view name) {
  if (name.starts_with(kUserClientPrefix)) {
    return fail(Errc::invalid_argument,
                "a thing's name must not begin with user-: such client ids belong to users");
  }
  return check_name(name, "a thing's name", "_.:-", kMaxThingName, First::any);
}

Result<void> check_user_name(std::string_view name) {
  return check_name(name, "a user's name", "_.:@-", kMaxUserName);
}

Result<void> check_policy_name(std::string_view name) {
  return check_name(name, "a policy's name", "_.:-", kMaxPolicyName);
}

Result<void> check_role_name(std::string_view name) {
  return check_name(name, "a role's name", "_.:-", kMaxRoleName);
}

Result<void> check_group_name(std::string_view name) {
  return check_name(name, "a group's name", "_.:-", kMaxGroupName);
}

bool is_clean_utf8(std::string_view text) {
  // In well-formed UTF-8 these three bytes can only be U+FFFE and U+FFFF.
  return is_valid_mqtt_utf8(text) && !text.contains("\xef\xbf\xbe") && !text.contains("\xef\xbf\xbf");
}

Result<void> check_client_id(const Principal& principal, std::string_view client_id) {
  if (client_id.size() > kMaxClientId) {
    return fail(Errc::limit_exceeded,
                "the client id is longer than " + std::to_string(kMaxClientId) + " bytes");
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (!is_clean_utf8(client_id) || std::ranges::any_of(client_id, is_control)) {
    return fail(Errc::malformed, "the client id is not clean UTF-8 text");
  }
  const bool is_thing = principal.kind == PrincipalKind::device || principal.kind == PrincipalKind::gateway;
  if (!is_thing) {
    if (client_id.starts_with(kUserClientPrefix)) return {};
    return fail(Errc::permission_denied, "the client id of a user must begin with user-");
  }
  if (client_id == principal.name) return {};
  const bool own_branch = client_id.starts_with(principal.name) &&
                          client_id.size() > principal.name.size() + 1 &&
                          client_id[principal.name.size()] == '/';
  if (own_branch) return {};
  return fail(Errc::permission_denied, "the client id must be the thing's name (" + principal.name +
                                           ") or begin with " + principal.name + "/");
}

std::string shown_text(std::string_view text, std::size_t most) {
  std::size_t size = std::min(text.size(), most);
  while (size > 0 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
  std::string kept(text.substr(0, size));
  const bool is_text = is_clean_utf8(kept);
  for (char& c : kept) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || (!is_text && byte >= 0x80)) c = '?';
  }
  return kept;
}

}  // namespace dunlin::security
