#pragma once
// The register of device certificates: issue, list, revoke, and the revocation index that the rest of the
// program asks.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "security/pinned.h"
#include "security/pki.h"
#include "security/records.h"
#include "security/revocation.h"
#include "security/turns.h"
#include "store/repository.h"

namespace dunlin::security {

/// The record of a certificate of ours that was issued or shown, active from `now` on.
CertificateRecord make_record(const CertificateInfo& info, std::string pem, std::string thing, WallTime now);

/// Any thread; completions run on the executor of the call. Must outlive its calls.
class CertificateRegister {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;
  struct Parts {
    store::Repository& repository;
    WorkerPool& workers;
    const Pki& pki;
    RevocationIndex& revocations;
    const Clock& clock;
    Rng& rng;
  };
  explicit CertificateRegister(Parts parts, TenantId tenant = kDefaultTenant)
      : parts_(parts), tenant_(tenant) {}

  /// At start-up, before the first listener: completes records of former versions (once), then reads every
  /// revoked certificate that has not expired into the index, and every pinned one into the other.
  void load(Executor& reply_to, Done<void> done);

  /// Record and audit are one write; only then is the certificate handed out. Errors: not_found (thing),
  /// quota_exceeded (kMaxCertificatesPerThing that are active), and those of Pki::issue_device_certificate.
  void issue(Executor& reply_to, Actor actor, DeviceCertificateRequest request, Done<IssuedCertificate> done);
  struct NewPin {
    std::string thing;
    std::string certificate_pem;  // or, where only that is known:
    std::string fingerprint;      // SHA-256 of the DER, hexadecimal; colons and upper case are taken too
  };
  /// Registers a certificate of anybody's for the thing: TLS takes it whatever its chain is, until it has
  /// expired (by the fingerprint alone: kMaxDeviceLifetime from now, or before if the certificate says so) or
  /// is revoked here. Errors: not_found (thing), invalid_argument, malformed, already_exists, quota_exceeded
  /// (kMaxCertificatesPerThing that are active).
  void pin(Executor& reply_to, Actor actor, NewPin wanted, Done<CertificateRecord> done);
  /// Whether TLS takes this certificate (DER) without a chain. Any thread.
  bool is_pinned(ByteView der) const;
  struct Signed {
    IssuedCertificate issued;
    std::vector<store::Change> changes;  // the record and its audit
  };
  /// Signs without a look at the register, for whoever puts the changes into a write of its own; until that
  /// is durable the certificate must not leave. Errors: those of Pki::issue_device_certificate.
  void sign(Executor& reply_to, Actor actor, DeviceCertificateRequest request, Done<Signed> done);
  /// How many certificates the thing can use now. Errors: quota_exceeded (kMaxCertificatesPerThing).
  void check_room(Executor& reply_to, std::string thing, Done<void> done);
  /// Puts the server's present certificate on record, where it is not yet.
  void note_server(Executor& reply_to, Done<void> done);
  /// Answers the record; the caller ends the thing's sessions (hub::Bus::end_sessions). Revoking twice is no
  /// error. Errors: not_found, conflict (the server's present one).
  void revoke(Executor& reply_to, Actor actor, std::string fingerprint, RevocationReason reason,
              Done<CertificateRecord> done);
  /// How many of that intermediate's certificates can be used now.
  void usable_of(Executor& reply_to, std::string issuer, Done<std::size_t> done);
  /// Revokes them all, with the reason superseded; answers those that it has revoked.
  void revoke_of(Executor& reply_to, Actor actor, std::string issuer,
                 Done<std::vector<CertificateRecord>> done);
  /// The fingerprints of those that a registered authority vouches for, and that are not revoked here.
  void active_of_authority(Executor& reply_to, std::string authority, Done<std::vector<std::string>> done);
  /// Errors: not_found.
  void get(Executor& reply_to, std::string fingerprint, Done<CertificateRecord> done);
  /// Sorted by fingerprint, behind `after`; `thing` empty: of all things.
  void list(Executor& reply_to, std::string thing, std::string after, std::size_t limit,
            Done<std::vector<CertificateRecord>> done);

 private:
  void complete_page(Executor& reply_to, std::string after, Done<void> done);
  using Found = Done<std::vector<store::Document>>;
  void active_of(Executor& reply_to, store::Repository::Field whose, std::string after, Found done);
  void gather_active(Executor& reply_to, std::string authority, std::vector<std::string> found,
                     Done<std::vector<std::string>> done);
  void count_page(Executor& reply_to, std::string issuer, std::string after, std::size_t counted,
                  Done<std::size_t> done);
  struct Mass;
  void revoke_page(std::shared_ptr<Mass> mass);
  void load_page(Executor& reply_to, std::string after, Done<void> done);
  void store_pin(Executor& reply_to, const Actor& actor, CertificateRecord record,
                 Done<CertificateRecord> done);
  void load_pinned(Executor& reply_to, std::string after, Done<void> done);
  void issue_in_turn(Executor& reply_to, Actor actor, DeviceCertificateRequest request,
                     Done<IssuedCertificate> done);
  void sign_and_store(Executor& reply_to, Actor actor, DeviceCertificateRequest request,
                      Done<IssuedCertificate> done);

  Parts parts_;
  TenantId tenant_;
  PinnedIndex pinned_;
  Turns issue_turns_;  // by thing
};

}  // namespace dunlin::security
