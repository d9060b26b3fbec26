#pragma once
// Changes of our own authorities as operators ask for them: recorded first, then made on a worker.

#include <functional>
#include <string>

#include "base/executor.h"
#include "security/audit.h"
#include "security/certificates.h"
#include "security/pki.h"
#include "security/records.h"
#include "store/repository.h"

namespace dunlin::security {

/// One executor's thread; the workers must have ended before it is destroyed. Each change has its audit
/// record before a file changes; one that fails after it has a second one. Errors of all: those of Pki, and
/// the store's.
class AuthorityChanges {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;
  struct Parts {
    Executor& executor;
    WorkerPool& workers;
    store::Repository& repository;
    Pki& pki;
    CertificateRegister& certificates;
    const Clock& clock;
  };
  /// Makes the listeners use the server's present certificate and trust the present authorities.
  using Adopt = std::function<Result<void>()>;
  explicit AuthorityChanges(Parts parts, TenantId tenant = kDefaultTenant) : parts_(parts), tenant_(tenant) {}
  /// Before the first change.
  void on_change(Adopt adopt) { adopt_ = std::move(adopt); }

  /// `to`: one that is there; empty: a new one.
  void rotate(Actor actor, std::string to, Done<IssuerStatus> done);
  void request(Actor actor, Done<std::string> done);
  void import(Actor actor, std::string chain_pem, Pki::Import what, Done<IssuerStatus> done);
  enum class Remaining : std::uint8_t { must_be_none, are_revoked };
  struct Forgotten {
    IssuerStatus issuer;
    std::vector<CertificateRecord> revoked;  // the caller ends their things' sessions
  };
  struct Forgetting {
    std::string issuer;
    Remaining remaining = Remaining::must_be_none;
    RevocationReason reason = RevocationReason::superseded;  // of the intermediate, with are_revoked
  };
  /// Certificates of it that can still be used are an error (conflict), or are revoked first, with the reason
  /// superseded; then the intermediate is revoked as well.
  void forget(Actor actor, Forgetting wanted, Done<Forgotten> done);
  /// The revocation list of an offline root, signed elsewhere.
  void import_list(Actor actor, std::string list_pem, Done<RootStatus> done);
  void export_root(Actor actor, Secret passphrase, Done<Secret> done);
  void remove_root(Actor actor, std::string exported, Secret passphrase, Done<void> done);

 private:
  struct Event {
    Actor actor;
    std::string action;
    std::string object;
    std::string detail;
    enum class Listeners : std::uint8_t { stay, follow } listeners = Listeners::stay;
  };
  template <class T>
  void change(Event event, std::function<Result<T>()> work, Done<T> done);
  template <class T>
  void refuse(const Error& why, Done<T> done);
  void record(const Event& event, AuditOutcome outcome, Done<void> done);
  void adopt();
  void forget_now(Actor actor, Forgotten forgotten, const Forgetting& wanted, Done<Forgotten> done);

  Parts parts_;
  TenantId tenant_;
  Adopt adopt_;
};

}  // namespace dunlin::security
