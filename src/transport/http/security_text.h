#pragma once
// /.well-known/security.txt (RFC 9116): whom somebody tells who has found a fault in this installation.

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/http/router.h"

namespace dunlin::transport {

inline constexpr std::size_t kMaxSecurityContacts = 8;
inline constexpr std::size_t kMaxSecurityUriBytes = 512;
/// From the beginning of the day on which it is asked for. The text is made of what is configured now, so it
/// is never out of date here; whoever keeps a copy asks again after so long (section 2.5.5: less than a
/// year).
inline constexpr Duration kSecurityTextLife = std::chrono::days{30};

struct SecurityText {
  std::vector<std::string>
      contacts;        // URIs, the preferred one first (section 2.5.3); none: nothing is served
  std::string policy;  // https URI of how reports are treated (section 2.5.7); empty: none
};

/// Errors: invalid_argument, with what is wrong and not the value.
Result<void> check_security_text(const SecurityText& text);

/// What is served at `now`. `text` has a contact and passes check_security_text().
std::string render_security_text(const SecurityText& text, WallTime now);

/// Serves it to everybody; 404 where there is no contact. The clock must outlive the router.
void mount_security_text(net::http::Router& router, SecurityText text, const Clock& clock);

}  // namespace dunlin::transport
