#pragma once
// The one way in for devices that are not known yet. Every protocol of enrolment only translates into an
// Application and back.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "base/refusal.h"
#include "base/rng.h"
#include "base/token_bucket.h"
#include "security/attachment_register.h"
#include "security/audit.h"
#include "security/certificates.h"
#include "security/enrolment_formats.h"
#include "security/penalty.h"
#include "service/provision/authorities.h"
#include "service/provision/grant.h"
#include "service/provision/group_key.h"
#include "service/registry/registry.h"
#include "store/repository.h"

namespace dunlin::provision {

/// By which door; for audit and metrics.
enum class Way : std::uint8_t { registration, just_in_time, code, claim, group, est };
std::string_view way_name(Way way);

/// What a device shows and wants. What proves it is the first of these that is there: the code, the group's
/// signature, the certificate.
struct Application {
  Way way = Way::registration;
  security::Secret code;            // an enrolment code
  std::optional<GroupProof> group;  // a symmetric key
  std::string certificate_der;      // of the TLS handshake, which has proven the key; empty: none
  std::string chain_pem;            // what the device sent beside it, may be empty
  /// Whether only a registered certificate counts: a renewal.
  enum class Applicants : std::uint8_t { all, known } applicants = Applicants::all;
  std::string asked;  // the name that it wants; empty: what the template makes
  std::string csr;    // PKCS#10, PEM or DER: a certificate is wanted. Empty: the certificate shown
                      // becomes the thing's, or (group) a token is given
  std::map<std::string, std::string> attributes;
  std::string address;
};

struct Enrolled {
  enum class Outcome : std::uint8_t { created, repeated, renewed, waiting } outcome = Outcome::created;
  std::string thing;
  std::string fingerprint;  // of its certificate; empty: a token was given, or it waits
  std::string chain_pem;    // of an issued certificate, leaf first
  security::Secret token;   // shown this once
};

/// One executor's thread; completions run there, sometimes inside the call. One enrolment at a time: quotas,
/// uses and names need no locks, and what an enrolment changes (thing, certificate or token, counts, audit)
/// is one write.
class Enrolment {
 public:
  using Done = std::move_only_function<void(Result<Enrolled>)>;
  struct Parts {
    Executor& executor;
    store::Repository& repository;
    registry::Registry& registry;
    const security::Pki& pki;
    security::CertificateRegister& certificates;
    security::AttachmentRegister& attachments;
    security::PenaltyTable& penalties;
    Authorities& authorities;
    const Clock& clock;
    Rng& rng;
    metrics::Registry& metrics;
    std::string secret;               // load_group_secret()
    RefusalSink* refusals = nullptr;  // who keeps what is refused; null: nobody
  };
  explicit Enrolment(Parts parts, TenantId tenant = kDefaultTenant);

  /// Errors: unauthenticated (nothing that proves anything, or a wrong code), permission_denied (proven, and
  /// may not), already_exists (another device has the name), conflict (another waits under it),
  /// quota_exceeded (quota, or waiting after failures), limit_exceeded (too large), malformed and
  /// invalid_argument (request, name), unavailable (too many at once), io, no_space, corrupt.
  void enrol(Application wanted, Done done);
  /// A certificate that TLS has verified and no register knows: a registered authority may vouch for it.
  void admit(std::string certificate_der, std::string asked, std::string address,
             std::move_only_function<void(Result<void>)> done);
  /// Whether somebody here vouches for a client certificate, by its chain alone: the fingerprint of the
  /// registered authority, or nothing for our own. Errors: permission_denied (why not), malformed.
  Result<std::string> find_voucher(std::string_view leaf_der, std::string_view chain_pem) const;
  /// A translator refused something before it became an application: counted and, within the bound, written
  /// down.
  void refused(Way way, const std::string& address, const Error& why, const std::string& name = {});

  /// At start-up: counts who waits.
  void load(std::move_only_function<void(Result<void>)> done);

  /// Changes of grants and of the queue go in turn with enrolments: what `step` does until it calls its
  /// argument sees no enrolment half done.
  void in_turn(std::move_only_function<void(Task next)> step);
  /// How many things are there that were let in by this (grant_id()), or by anything: empty. Decommissioned
  /// ones do not count. Errors: those of the store.
  void count_enrolled(std::string by, std::move_only_function<void(Result<std::int64_t>)> done);
  /// The approval queue grew or shrank.
  void count_waiting(std::int64_t change);

  const Parts& parts() const { return parts_; }
  TenantId tenant() const { return tenant_; }
  bool is_full() const { return waiting_count_ >= static_cast<std::int64_t>(kMaxWaiting); }

 private:
  struct Job;
  using JobPtr = std::unique_ptr<Job>;
  using Step = void (Enrolment::*)(JobPtr);

  void run_next();
  void finish(JobPtr job, Result<Enrolled> result);
  /// Not by value: `why` may be made of the job in the same call.
  void refuse(JobPtr&& job, Errc code, std::string why);

  // What proves it (enrolment_proof.cc).
  void begin(JobPtr job);
  void begin_code(JobPtr job);
  void begin_group(JobPtr job);
  void begin_certificate(JobPtr job);
  void look_for_claim(JobPtr job);
  void look_for_authority(JobPtr job);
  void load_grant(JobPtr job, std::string id, Step then);
  void judge_group(JobPtr job);
  void judge_grant(JobPtr job);
  bool give_again(JobPtr& job);

  // What becomes of it (enrolment_outcome.cc).
  void choose_name(JobPtr job);
  void load_thing(JobPtr job);
  void load_waiting(JobPtr job);
  void count_places(JobPtr job);
  void count_all(JobPtr job);
  void judge(JobPtr job);
  void put_into_queue(JobPtr job);
  void queued(JobPtr job);
  void give_credential(JobPtr job);
  void adopt_certificate(JobPtr job);
  void issue_certificate(JobPtr job);
  void issue_token(JobPtr job);
  void store(JobPtr job);
  void stored(JobPtr job);

  // Of devices that are known (enrolment_known.cc).
  void repeat_registration(JobPtr job, security::CertificateRecord record);
  void renew(JobPtr job, security::CertificateRecord record, std::uint64_t version);
  void sign_renewal(JobPtr job, security::CertificateRecord record, std::uint64_t version);
  void renewed(JobPtr job);
  void give_stored(JobPtr job, std::string fingerprint);

  void write(JobPtr job, Step then);
  void count(Way way, std::string_view outcome);
  store::Change audit(std::string_view actor, std::string_view action, std::string_view object,
                      security::AuditOutcome outcome = security::AuditOutcome::ok) const;

  Parts parts_;
  TenantId tenant_;
  std::deque<std::move_only_function<void()>> turns_;
  std::size_t enrolments_ = 0;  // of the turns, those of devices
  enum class Turn : std::uint8_t { free, taken } turn_ = Turn::free;
  std::int64_t waiting_count_ = 0;
  TokenBucket refusal_audits_;
  metrics::Cell& waiting_;
  metrics::Cell& unwritten_;
  std::map<std::pair<Way, std::string_view>, metrics::Cell*> counts_;
};

}  // namespace dunlin::provision
