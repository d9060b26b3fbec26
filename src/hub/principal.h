#pragma once
// Who speaks, as proven by security::authenticate and as seen by every room above.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/core/id.h"
#include "hub/compact_list.h"
#include "hub/standing.h"

namespace dunlin {

/// A tenant's number: the first 4 bytes of every stored key. Resolved once at authentication.
using TenantId = Id<struct TenantTag, std::uint32_t>;
inline constexpr TenantId kDefaultTenant{1};

enum class PrincipalKind : std::uint8_t { anonymous, device, gateway, user, service, node };

/// How the identity was proven.
enum class Proof : std::uint8_t { none, certificate, token, password, session, in_process };

/// Tells principals apart without holding them: no two have the same one as long as this program runs. 0:
/// none, since it may still change. A copy has none.
class PrincipalNumber {
 public:
  PrincipalNumber() = default;
  PrincipalNumber(const PrincipalNumber&) {}
  PrincipalNumber& operator=(const PrincipalNumber&) {
    value_ = 0;
    return *this;
  }
  /// Becomes one that nobody has had.
  void renew();
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0;
};

/// Immutable once made; shared by all messages of one connection. Every connection has one, so what few have
/// costs a pointer.
struct Principal {
  PrincipalKind kind = PrincipalKind::anonymous;
  Proof proof = Proof::none;
  Standing standing;  // of a thing, when this was made
  TenantId tenant = kDefaultTenant;
  std::string name;                           // thing name, user name or service name
  std::string client_id;                      // of the connection, where the protocol has one
  CompactList<char> certificate_fingerprint;  // SHA-256 in hexadecimal, or empty
  CompactList<std::pair<std::string, std::string>> attributes;  // variables for policies, e.g. site
  CompactList<std::string> policies;                            // names of the policies that govern it
  CompactList<std::string> permissions;  // for users and services: "*" or "things:write" ...

  /// When the proof ends, Unix milliseconds; 0: never. A transport ends what is open for longer.
  std::int64_t expires_at = 0;
  PrincipalNumber number;  // seal() gives one

  std::string_view fingerprint() const {
    return {certificate_fingerprint.begin(), certificate_fingerprint.size()};
  }
  bool is_thing() const { return kind == PrincipalKind::device || kind == PrincipalKind::gateway; }
  /// Empty where there is none of that name.
  std::string_view attribute(std::string_view wanted) const;
};
using PrincipalRef = std::shared_ptr<const Principal>;  // shared: by every message in flight, on any thread

/// Final, with a number of its own.
PrincipalRef seal(Principal principal);
/// Of a part of this program, for the messages that it publishes itself.
PrincipalRef make_service_principal(std::string_view name);
/// The same one in another tenant; `principal` itself where it is that tenant's already.
PrincipalRef in_tenant(const PrincipalRef& principal, TenantId tenant);
/// The same one with another standing; `principal` itself where it has that already.
PrincipalRef with_standing(const PrincipalRef& principal, Standing standing);

}  // namespace dunlin
