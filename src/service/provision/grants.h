#pragma once
// What operators do: authorities, codes, claim certificates and groups are made, changed and taken away; the
// approval queue is worked off.

#include <functional>
#include <string>
#include <vector>

#include "service/provision/authorities.h"
#include "service/provision/enrolment.h"
#include "service/provision/grant.h"

namespace dunlin::provision {

/// One executor's thread; completions run there. Each change and its audit record are one write, in turn with
/// enrolments. Errors besides those named: io, no_space, corrupt.
class Grants {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;
  Grants(Enrolment& enrolment, Authorities& authorities) : enrolment_(enrolment), authorities_(authorities) {}

  /// Ends the sessions that began with one of these certificates (fingerprints), with a reason for people.
  using Ender = std::function<void(TenantId, std::vector<std::string> fingerprints, std::string reason)>;
  /// What becomes of the devices of an authority that no longer counts. At most one, at start-up.
  void end_with(Ender ender) { ender_ = std::move(ender); }

  /// At start-up, before the first listener: the authorities into memory, and the length of the queue.
  void load(Done<void> done);

  struct Code {
    security::Secret text;  // shown once
    Grant grant;
  };
  struct RegistrationCode {
    security::Secret text;
    std::int64_t expires_at = 0;
  };
  /// For the proof that an authority's key is held. Errors: limit_exceeded (kMaxRegistrationCodes).
  void make_registration_code(security::Actor actor, Done<RegistrationCode> done);
  struct NewAuthority {
    std::string pem;
    std::string
        proof_pem;  // a certificate that the authority signed, with a registration code as common name
    Grant grant;    // label, template, state
  };
  /// Spends the code. Errors: invalid_argument, malformed, permission_denied (no proof), already_exists,
  /// limit_exceeded (kMaxAuthorities).
  void register_authority(security::Actor actor, NewAuthority wanted, Done<Grant> done);

  /// The grant's label, thing, template, expiry and uses. Errors: limit_exceeded (kMaxGrants).
  void make_code(security::Actor actor, Grant wanted, Done<Code> done);
  struct Claim {
    Grant grant;
    security::IssuedCertificate issued;  // the key is shown once
  };
  /// `csr_pem` may be empty. Errors: also those of Pki::issue_device_certificate.
  void make_claim(security::Actor actor, Grant wanted, std::string csr_pem, Done<Claim> done);
  /// The grant's id is the group's name. Errors: already_exists, limit_exceeded.
  void make_group(security::Actor actor, Grant wanted, Done<Grant> done);
  security::Digest key_of(const Grant& group) const;

  /// Errors: not_found.
  void get(GrantKind kind, std::string id, Done<Grant> done);
  /// Without a count of its things. Errors: not_found.
  void read(GrantKind kind, std::string id, Done<Grant> done);
  /// Sorted by id, behind `after`.
  void list(GrantKind kind, std::string after, std::size_t limit, Done<std::vector<Grant>> done);
  /// `edit` may refuse. Errors: not_found, and those of `edit`.
  void update(security::Actor actor, GrantKind kind, std::string id, std::function<Result<void>(Grant&)> edit,
              Done<Grant> done);
  /// Things that have enrolled stay. A claim certificate is revoked, and stays known as one.
  /// Errors: not_found.
  void remove(security::Actor actor, GrantKind kind, std::string id, Done<void> done);

  void list_waiting(std::string after, std::size_t limit, Done<std::vector<Waiting>> done);
  /// Errors: not_found.
  void decide(security::Actor actor, std::string name, Waiting::State state, Done<Waiting> done);
  /// The device may ask again. Errors: not_found.
  void forget(security::Actor actor, std::string name, Done<void> done);

  WallTime wall_now() const { return parts().clock.wall_now(); }

  void tenant_count(Done<TenantCount> done);
  void set_tenant_quota(security::Actor actor, std::int64_t quota, Done<TenantCount> done);

 private:
  struct Addition;
  void add(security::Actor actor, std::string_view action, Grant grant, std::vector<store::Change> more,
           Done<Grant> done);
  void remove_claim(security::Actor actor, std::string id, Done<void> done);
  void withdraw(const Grant& authority, std::string_view what, Done<void> done);
  void check_proof_certificate(security::Actor actor, NewAuthority wanted, std::string code_id,
                               Done<Grant> done);
  void find(std::string what, std::string prefix, std::string after, std::size_t limit,
            Done<std::vector<store::Document>> done);
  void load_document(std::string id, Done<store::Document> done);
  Done<Grant> counting(Done<Grant> done);
  void count_from(std::size_t at, std::vector<Grant> grants, Done<std::vector<Grant>> done);
  void write(std::vector<store::Change> changes, Done<std::vector<std::uint64_t>> done);
  store::Change audit(const security::Actor& actor, std::string_view action, std::string_view object) const;
  std::int64_t now() const;

  const Enrolment::Parts& parts() const { return enrolment_.parts(); }
  TenantId tenant() const { return enrolment_.tenant(); }

  Enrolment& enrolment_;
  Authorities& authorities_;
  Ender ender_;
};

}  // namespace dunlin::provision
