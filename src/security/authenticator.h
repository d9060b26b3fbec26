#pragma once
// The one door for identities: credentials of any protocol in, a Principal out.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/executor.h"
#include "base/fs.h"
#include "base/refusal.h"
#include "base/result.h"
#include "base/rng.h"
#include "hub/principal.h"
#include "security/certificate_memory.h"
#include "security/crypto.h"
#include "security/limits.h"
#include "security/password.h"
#include "security/penalty.h"
#include "security/records.h"
#include "security/revocation.h"
#include "security/roles.h"
#include "store/repository.h"

namespace dunlin::security {

struct Jwt;
struct SasToken;
struct ThingKeysRecord;

/// Where the listener that took the connection is bound.
enum class Listener : std::uint8_t { network, loopback };
/// Clients without any credential. `on_loopback` is for benchmarks and tests.
enum class Anonymous : std::uint8_t { refused, on_loopback };

/// What a peer showed. The first of these that is there decides, and the rest never rescues it: certificate;
/// a password that is a JWT or a SAS token, or begins with "dt_" (device token) or "at_" (API token); user
/// name and password; nothing.
struct Credentials {
  std::string protocol;   // "mqtt" ...; with "mqtt" the rule for client ids applies
  std::string client_id;  // empty: one is made
  std::string username;
  Secret password;
  std::string certificate_der;  // of a client certificate whose chain TLS has verified; empty: none
  std::string address;          // of the peer, with or without the port
  Listener listener = Listener::network;
};

/// Actions of the audit log.
inline constexpr std::string_view kLoginAction = "session.login";
inline constexpr std::string_view kClaimAction = "session.claim";
inline constexpr const char* kWaits = "turned away for earlier failures";

/// Errors: unauthenticated (the sentence never says which part was wrong), permission_denied (client id),
/// quota_exceeded (waiting after failures), limit_exceeded (a field is too long), unavailable (too many
/// passwords at once), io and corrupt (repository).
using AuthenticationDone = std::move_only_function<void(Result<PrincipalRef>)>;

inline constexpr std::string_view kDefaultAudience = "dunlin";

struct AuthenticatorOptions {
  TenantId tenant = kDefaultTenant;
  Anonymous anonymous = Anonymous::refused;
  PasswordCost password_cost;
  /// What a signed token of a thing may name as its audience: at least one.
  std::vector<std::string> audiences = {std::string(kDefaultAudience)};
  std::string key_secret{};  // ThingKeys::load_secret(): what symmetric keys of things are made of
};

/// Any thread; completions run on the executor named in the call, never inside it. Must outlive its calls:
/// stop reactors and workers first.
class Authenticator {
 public:
  struct Parts {
    store::Repository& repository;
    WorkerPool& workers;
    const Clock& clock;
    Rng& rng;  // must bear any thread
    const RevocationIndex& revocations;
  };
  Authenticator(Parts parts, AuthenticatorOptions options);

  void authenticate(Executor& reply_to, Credentials credentials, AuthenticationDone done);
  /// An API token, or the local administrator's from a loopback address (Authorization: Bearer ...).
  void authenticate_bearer(Executor& reply_to, Secret token, std::string address, AuthenticationDone done);
  /// The value of the cookie dunlin_session. Moves the session's idle time.
  void authenticate_session(Executor& reply_to, Secret cookie, std::string address, AuthenticationDone done);

  /// Who has proven a name in an exchange of its own (scram_authenticator.h).
  struct Proven {
    ScramRecord::Owner owner = ScramRecord::Owner::user;
    std::string name;
    std::int64_t credential_made_at = 0;
  };
  /// The principal of a proven name, while its user or thing is enabled. Errors as authenticate().
  void accept_proven(Executor& reply_to, Credentials credentials, Proven proven, AuthenticationDone done);
  /// Counts a refusal that another proof has made.
  void count_refused() { refused_.fetch_add(1, std::memory_order_relaxed); }
  void count_penalised() { penalised_.fetch_add(1, std::memory_order_relaxed); }

  using UserDone = std::move_only_function<void(Result<UserRecord>)>;
  /// Name and password of a person, with the penalties.
  void check_password(Executor& reply_to, std::string username, Secret password, std::string address,
                      UserDone done);
  /// Hashes away from the reactor. Errors: invalid_argument (check_new_password), unavailable.
  void hash_new_password(Executor& reply_to, Secret password,
                         std::move_only_function<void(Result<std::string>)> done);

  /// Makes the token of the local command line anew and writes it to FOLDER/admin.token (0600). Only its hash
  /// is kept.
  Result<void> write_local_admin_token(Fs& fs, const std::string& data_folder);

  /// Asked about a verified certificate that is in no register: a success means that it is in it now. The
  /// error's sentence goes to the client. `asked_name` is what the client calls itself, or empty.
  using Newcomers =
      std::function<void(Executor& reply_to, std::string certificate_der, std::string asked_name,
                         std::string address, std::move_only_function<void(Result<void>)> done)>;
  /// At most one, at start-up; without one such certificates are refused.
  void admit_newcomers(Newcomers newcomers) { newcomers_ = std::move(newcomers); }
  /// The key of a thing that has enrolled by the group, derived from the group's; nullopt: the group is no
  /// more, or disabled.
  using GroupKeys = std::function<void(Executor& reply_to, std::string group, std::string thing,
                                       std::move_only_function<void(Result<std::optional<Digest>>)> done)>;
  /// At most one, at start-up; without one no group's keys count.
  void take_group_keys(GroupKeys keys) { group_keys_ = std::move(keys); }
  /// Whether a registered authority (its fingerprint) counts now, or another one vouches for the certificate.
  /// On the thread of the call's executor.
  using Vouchers = std::function<bool(std::string_view authority, std::string_view certificate_der)>;
  /// At most one, at start-up; without one TLS alone decides.
  void ask_vouchers(Vouchers vouchers) { vouchers_ = std::move(vouchers); }
  /// A person who signs in, or tries to.
  struct SignIn {
    AuditOutcome outcome = AuditOutcome::failed;
    std::string_view action = kLoginAction;
    std::string name;  // as shown
    Proof proof = Proof::password;
    std::string address;
    std::string detail;
  };
  /// Called on any thread for every one but successes that start a web session: those are in the write that
  /// makes it. At most one, at start-up.
  void on_sign_in(std::function<void(SignIn)> observer) { observer_ = std::move(observer); }
  void tell(SignIn event) const {
    if (observer_) observer_(std::move(event));
  }

  /// Who keeps what is refused here: every failed proof. At most one, at start-up; it must outlive this.
  void keep_refusals(RefusalSink& sink) { refusals_ = &sink; }
  void tell_refused(const Refusal& refusal) const {
    if (refusals_ != nullptr) refusals_->refused(refusal);
  }

  PenaltyTable& penalties() { return penalties_; }
  /// Who has which permissions now.
  RoleTable& roles() { return roles_; }
  TenantId tenant() const { return options_.tenant; }

  struct Counts {
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
    std::uint64_t penalised = 0;   // turned away without a look
    std::uint64_t overloaded = 0;  // too many passwords at once
  };
  Counts counts() const;

 private:
  struct Attempt;
  using AttemptPtr = std::unique_ptr<Attempt>;
  void finish(AttemptPtr attempt, Result<PrincipalRef> result);
  void give(AttemptPtr attempt, Result<PrincipalRef> result);
  void tell_failure(const Attempt& attempt, const Error& error) const;
  void refuse(AttemptPtr attempt, std::string_view detail);
  void tell_of(const Attempt& attempt, AuditOutcome outcome, std::string_view detail) const;
  void by_certificate(AttemptPtr attempt);
  enum class Unregistered : std::uint8_t { may_be_new, refused };
  void by_register(AttemptPtr attempt, std::string named, Unregistered unregistered);
  void ask_newcomers(AttemptPtr attempt, std::string named);
  bool must_wait(const Attempt& attempt) const;
  void turn_away(AttemptPtr attempt);
  void by_token(AttemptPtr attempt, TokenText token);
  void check_token(AttemptPtr attempt, TokenText token, const store::Document& stored);
  bool is_idle(const TokenRecord& token) const;
  void touch_session(Executor& reply_to, const TokenRecord& token, std::uint64_t version);
  std::string begin_signed(Attempt& attempt) const;  // answers the name that was shown
  void by_jwt(AttemptPtr attempt);
  void verify_jwt(AttemptPtr attempt, Jwt jwt, ThingKeysRecord held);
  void by_sas_token(AttemptPtr attempt);
  void verify_sas_token(AttemptPtr attempt, SasToken token, const ThingKeysRecord& held);
  void ask_group_key(AttemptPtr attempt, SasToken token, std::string group);
  void by_password(AttemptPtr attempt);
  void judge_password(Executor& reply_to, std::string username, Secret password, std::string address,
                      UserDone done);
  void require_one_factor(AttemptPtr attempt, std::string user);
  void by_nothing(AttemptPtr attempt);
  void load_thing(AttemptPtr attempt, std::string name, std::int64_t credential_made_at);
  void load_user(AttemptPtr attempt, std::string name, std::vector<std::string> cut_to);
  void accept(AttemptPtr attempt, Principal principal);

  Parts parts_;
  const AuthenticatorOptions options_;
  CertificateMemory certificates_{kMaxKnownCertificates};
  std::function<void(SignIn)> observer_;
  RefusalSink* refusals_ = nullptr;
  PasswordGate gate_;
  PenaltyTable penalties_;
  RoleTable roles_;
  Newcomers newcomers_;
  GroupKeys group_keys_;
  Vouchers vouchers_;
  std::string dummy_password_;  // verified for unknown users, so that they take as long as known ones
  mutable std::mutex mutex_;    // guards the two below
  std::unordered_map<std::string, std::int64_t> session_use_;  // id -> Unix ms, newer than what is stored
  std::string local_admin_hash_;
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> penalised_{0};
  std::atomic<std::uint64_t> overloaded_{0};
};

/// The wanted permissions that `held` grants: a token never gives more than its owner has now.
std::vector<std::string> cut_permissions(const std::vector<std::string>& wanted,
                                         const std::vector<std::string>& held);

}  // namespace dunlin::security
