#pragma once
// Strict UTF-8 (RFC 3629) as every protocol's text needs it. Freestanding: no allocation, no exception, no
// state.

#include <string_view>

namespace dunlin {

/// True if the bytes are well-formed UTF-8 by the grammar of RFC 3629 section 4: no overlong form, no
/// surrogate (U+D800..U+DFFF), nothing above U+10FFFF, no sequence cut short. Empty text is well-formed. Any
/// thread.
bool is_valid_utf8(std::string_view text);

/// The rule for an MQTT UTF-8 Encoded String (MQTT 5.0 section 1.5.4, 3.1.1 section 1.5.3): well-formed and
/// without U+0000. Control characters and non-characters, which a receiver MAY refuse, are accepted. Does not
/// check the length of 65,535. Any thread.
bool is_valid_mqtt_utf8(std::string_view text);

}  // namespace dunlin
