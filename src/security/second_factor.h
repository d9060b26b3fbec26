#pragma once
// What a person shows at sign-in beside the password: a code of an authenticator app (totp.h), or, once each,
// a recovery code.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/rng.h"
#include "security/penalty.h"
#include "security/records.h"
#include "store/repository.h"

namespace dunlin::security {

/// One document a user. Not the secret, but what it is made of beside a secret of the data folder.
struct SecondFactorRecord {
  std::string user;
  std::string salt;
  enum class State : std::uint8_t {
    pending,
    active
  } state = State::pending;           // pending: no code was shown yet
  std::uint64_t used_step = 0;        // of the last code that was taken
  std::vector<std::string> recovery;  // SHA-256 of the codes that are left
  std::int64_t created_at = 0;        // Unix ms
};
/// Errors: corrupt.
Result<SecondFactorRecord> second_factor_of(const store::Document& stored);
store::Document document_of(const SecondFactorRecord& record);

/// `actor` is who asks, for the audit record that goes into the same write. Any thread; completions run on
/// the executor of the call. Must outlive its calls. Errors besides those named: io, no_space, corrupt,
/// conflict (the same user's second factor was changed, or used, at the same moment).
class SecondFactors {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;
  struct Parts {
    store::Repository& repository;
    const Clock& clock;
    Rng& rng;  // must bear any thread
    PenaltyTable& penalties;
    std::string secret;  // ThingKeys::load_secret()
    std::string issuer;  // what apps show above the user's name
  };
  explicit SecondFactors(Parts parts, TenantId tenant = kDefaultTenant)
      : parts_(std::move(parts)), tenant_(tenant) {}

  struct Enrolment {
    Secret secret;  // base32, to be typed in
    Secret uri;     // otpauth://, to be read off a QR code
  };
  /// Counts from confirm() on. Errors: not_found (user), already_exists (an active one).
  void enrol(Executor& reply_to, Actor actor, std::string user, Done<Enrolment> done);
  /// A code shows that the app has it; from now on sign-in asks for one. Answers the recovery codes, a
  /// line each, shown this once. Errors: not_found, already_exists (active already), unauthenticated (wrong
  /// code).
  void confirm(Executor& reply_to, Actor actor, std::string user, std::string code, Done<Secret> done);
  /// nullopt: there is none. Errors: not_found (user).
  void get(Executor& reply_to, std::string user, Done<std::optional<SecondFactorRecord>> done);
  /// Errors: not_found.
  void remove(Executor& reply_to, Actor actor, std::string user, Done<void> done);

  /// What a sign-in with the right password comes to.
  struct Verdict {
    enum class Outcome : std::uint8_t { not_asked, code_needed, passed } outcome = Outcome::not_asked;
    std::vector<store::Change> changes;  // into the write that starts the session: a code counts once
    std::string detail;                  // for its audit record
  };
  /// Failures wait by user, longer than those of passwords: only who knows the password gets here. Errors:
  /// unauthenticated (wrong code, or used before), quota_exceeded (waiting).
  void check(Executor& reply_to, std::string user, std::string code, Done<Verdict> done);

 private:
  using Found = std::optional<store::Document>;
  void load(Executor& reply_to, std::string user, Done<Found> done);
  Digest secret_of(const SecondFactorRecord& record) const;
  ByteView key_of(const Digest& secret) const;
  Result<Verdict> judge(const store::Document& stored, const std::string& code) const;
  void write(Executor& reply_to, std::vector<store::Change> changes, Done<void> done);
  store::Change audit(const Actor& actor, std::string_view action, std::string_view user) const;

  Parts parts_;
  TenantId tenant_;
};

}  // namespace dunlin::security
