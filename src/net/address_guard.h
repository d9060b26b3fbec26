#pragma once
// Which addresses may be connected to on somebody's behalf: by a URL in a rule, for example. Without a guard
// whoever may write a rule could reach what listens on this machine and behind the firewall (server-side
// request forgery).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/address_range.h"

namespace dunlin::net {

inline constexpr std::size_t kMaxGuardEntries = 256;

/// Lets through what is on the public internet, and what has been opened. It judges the addresses that are
/// connected to, not only names: what a name means may have changed since it was looked at. Never changes;
/// any thread.
class AddressGuard {
 public:
  /// `open`: addresses, ranges ("10.1.0.0/16") and names of hosts ("hooks.example", whatever they resolve
  /// to). Errors: invalid_argument (neither), limit_exceeded (kMaxGuardEntries).
  static Result<AddressGuard> make(const std::vector<std::string>& open);

  /// Why there may be no connection to `address`, which `host` resolves to; nothing: there may be one. What
  /// is no IP address may not be connected to.
  std::optional<std::string_view> refusal(std::string_view host, const Endpoint& address) const;

 private:
  AddressGuard() = default;
  std::vector<AddressRange> ranges_;
  std::vector<std::string> hosts_;  // in lower case
};

}  // namespace dunlin::net
