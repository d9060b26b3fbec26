#pragma once
// What lets a device in that is not known yet: a registered authority, a code, a claim certificate, a group.

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/principal.h"
#include "service/provision/limits.h"
#include "service/registry/thing.h"
#include "store/repository.h"

namespace dunlin::provision {

enum class Approval : std::uint8_t { automatic, queue };

/// What becomes of whoever enrols by a grant.
struct Template {
  std::string name{};  // pattern (pattern.h); empty: what the certificate says, or what the device asks for
  std::string type{};
  std::vector<std::string> policies{};  // empty: those of the type
  std::vector<std::string> groups{};    // of which the thing becomes a member
  std::vector<std::string> allow{};     // names, or serial numbers of certificates; empty: everyone
  std::int64_t quota = 0;               // the most things that are there by it; 0: no limit of its own
  Approval approval = Approval::automatic;
  std::int64_t days = 365;  // lifetime of certificates that are issued
};

enum class GrantKind : std::uint8_t { authority, code, claim, group };
std::string_view grant_kind_name(GrantKind kind);

struct Grant {
  GrantKind kind = GrantKind::code;
  /// The fingerprint of an authority or claim certificate, the SHA-256 of a code, the name of a group.
  std::string id;
  std::string label;
  std::string pem;    // authority, claim
  std::string thing;  // code: for this thing alone; empty: by the template
  Template rules;
  enum class State : std::uint8_t { enabled, disabled } state = State::enabled;
  /// Authority: whether its devices may register themselves.
  enum class AutoRegistration : std::uint8_t { off, on } auto_registration = AutoRegistration::on;
  std::int64_t created_at = 0;
  std::int64_t expires_at = 0;  // Unix ms; 0: never
  std::int64_t uses_left = -1;  // -1: any number
  std::int64_t enrolled = 0;    // things that are there by it, as counted when it was read; not stored
  /// Who enrolled last, so that a device whose answer was lost gets it again.
  struct Recent {
    std::string key;          // SHA-256 of the public key
    std::string fingerprint;  // of the certificate that it got
  };
  std::vector<Recent> recent;
  std::uint64_t version = 0;
};

/// "authority:FINGERPRINT", "code:HASH" ... : the document's id, and the thing's attribute "enrolled_by".
std::string grant_id(GrantKind kind, std::string_view id);
inline std::string grant_id(const Grant& grant) {
  return grant_id(grant.kind, grant.id);
}
using registry::kEnrolledBy;

/// Errors: corrupt.
Result<Grant> grant_of(const store::Document& stored);
store::Change put_change(TenantId tenant, const Grant& grant);
store::Change remove_change(TenantId tenant, const Grant& grant);
/// As it is shown, without hashes of secrets and keys.
boost::json::object to_json(const Grant& grant);

/// Reads the template's fields of a request; what is absent stays as in `base`. Errors: invalid_argument,
/// limit_exceeded.
Result<Template> template_from(const boost::json::object& request, Template base);

/// Who waits for an operator's word.
struct Waiting {
  std::string name;   // of the thing to be
  std::string key;    // fingerprint of the certificate shown, or SHA-256 of the key to be certified
  std::string grant;  // grant_id()
  std::string address;
  enum class State : std::uint8_t { waiting, approved, rejected } state = State::waiting;
  std::int64_t asked_at = 0;
  std::uint64_t version = 0;
};
std::string waiting_id(std::string_view name);
/// Errors: corrupt.
Result<Waiting> waiting_of(const store::Document& stored);
store::Change put_change(TenantId tenant, const Waiting& waiting);
store::Change remove_change(TenantId tenant, const Waiting& waiting);
boost::json::object to_json(const Waiting& waiting);

/// What counts for the whole tenant.
struct TenantCount {
  std::int64_t quota = 0;     // 0: none
  std::int64_t enrolled = 0;  // as Grant::enrolled
  std::uint64_t version = 0;
};
inline constexpr std::string_view kTenantId = "tenant";
/// Nothing stored yet is a count of zero. Errors: corrupt.
Result<TenantCount> tenant_of(const std::optional<store::Document>& stored);
store::Change put_change(TenantId tenant, const TenantCount& count);
boost::json::object to_json(const TenantCount& count);

}  // namespace dunlin::provision
