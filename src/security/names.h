#pragma once
// Which names things, users and clients may have. The rules keep the names of different principals apart.

#include <string>
#include <string_view>

#include "base/result.h"
#include "hub/principal.h"

namespace dunlin::security {

/// Client ids of users and of anonymous clients begin with this; names of things never do.
inline constexpr std::string_view kUserClientPrefix = "user-";

/// 1 to kMaxThingName of A-Z a-z 0-9 _ . : -, not beginning with "user-". Errors:
/// invalid_argument.
Result<void> check_thing_name(std::string_view name);
/// The same alphabet with '@', 1 to 64 characters, beginning with a letter or digit. Errors:
/// invalid_argument.
Result<void> check_user_name(std::string_view name);
/// The alphabet of thing names, 1 to 64 characters, beginning with a letter or digit. Errors:
/// invalid_argument.
Result<void> check_policy_name(std::string_view name);
/// Like a policy's. Errors: invalid_argument.
Result<void> check_role_name(std::string_view name);

/// Of a group of things, like a policy's. Errors: invalid_argument.
Result<void> check_group_name(std::string_view name);

/// Whether the principal may use this MQTT client id: a device or gateway its own name, or its name followed
/// by '/' and anything (a '/' is never part of a name, so no other thing's ids can begin so); anyone else an
/// id that begins with "user-". Errors: permission_denied; limit_exceeded (longer than kMaxClientId);
/// malformed (not UTF-8, or a control character).
Result<void> check_client_id(const Principal& principal, std::string_view client_id);

/// Valid UTF-8 (no overlong form, no surrogate) without U+0000, U+FFFE and U+FFFF. MQTT 5.0 section 1.5.4.
bool is_clean_utf8(std::string_view text);
/// For people: at most `most` bytes, never half a character. What a peer chose and is no text becomes '?'.
std::string shown_text(std::string_view text, std::size_t most);

}  // namespace dunlin::security
