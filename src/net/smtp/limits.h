#pragma once
// Every bound of this room. See README.md for what happens past each.

#include <cstddef>

#include "base/clock.h"

namespace dunlin::net::smtp {

inline constexpr std::size_t kMaxRecipients = 50;
inline constexpr std::size_t kMaxAddressBytes = 254;  // RFC 5321 section 4.5.3.1.3, less the brackets
inline constexpr std::size_t kMaxLocalPartBytes = 64;
inline constexpr std::size_t kMaxSubjectBytes = 512;      // the rest is cut
inline constexpr std::size_t kMaxNameBytes = 128;         // likewise
inline constexpr std::size_t kMaxMailBytes = 256 * 1024;  // of the text

inline constexpr std::size_t kMaxReplyLineBytes = 2048;  // more than RFC 5321 section 4.5.3.1.5 asks for
inline constexpr std::size_t kMaxReplyLines = 100;
inline constexpr std::size_t kMaxShownReplyBytes = 200;  // of a server's words in an error

inline constexpr std::size_t kMaxMailsUnderWay = 4;
inline constexpr std::size_t kMaxMailsWaiting = 256;
inline constexpr Duration kMailDeadline = std::chrono::seconds{60};

}  // namespace dunlin::net::smtp
