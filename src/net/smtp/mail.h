#pragma once
// A mail as text (RFC 5322, MIME): nothing in it can become a header, whatever its fields hold.

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace dunlin::net::smtp {

struct Mail {
  std::string from;       // an address: "alarms@plant.example"
  std::string from_name;  // shown before it; empty: none
  std::vector<std::string> to;
  std::string subject;
  std::string text;  // UTF-8, lines end in LF or CRLF
  WallTime date{};
  std::string id;  // unlike all others; letters, digits, '-' and '.'
};

/// local-part@domain of RFC 5321 section 4.1.2 in ASCII, without quotation marks and comments.
bool is_mail_address(std::string_view text);

/// Header and text with CRLF, lines of at most 998 bytes (RFC 5322 section 2.1.1). Subject and name are
/// encoded (RFC 2047) where they are more than printable ASCII; line ends and control characters in them
/// become blanks; both are cut at their limits. What is no UTF-8 becomes '?'. A text of ASCII with short
/// lines goes as it is, any other in base64. Errors: invalid_argument (addresses, the id), limit_exceeded
/// (kMaxRecipients, kMaxMailBytes).
Result<std::string> compose(const Mail& mail);

}  // namespace dunlin::net::smtp
