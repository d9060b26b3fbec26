#pragma once
// SCRAM-SHA-256 over the stored credentials: who proves a password without sending it; and the keeping of
// these credentials.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "security/authenticator.h"
#include "security/scram.h"
#include "security/secret_file.h"

namespace dunlin::security {

/// Between the server's challenge and the client's proof.
struct ScramExchange {
  ScramChallenge challenge;
  ScramKeys keys;
  std::optional<Authenticator::Proven> proven;  // whom the proof proves; none: nobody, whatever it says
  std::string username;
  Credentials credentials;
};

/// Any thread; completions run on the executor named in the call, never inside it. Must outlive its calls.
///
/// An unknown user gets a salt that is the same at every attempt and after every restart (HMAC of the name
/// under a secret of the data folder), and fails at the proof like a known one with a wrong password.
/// Failures count by address and by user as those of passwords do, at the challenge and at the proof, so that
/// attempts at the same time gain nothing.
class ScramAuthenticator {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;
  struct Parts {
    store::Repository& repository;
    Authenticator& authenticator;
    Rng& rng;            // must bear any thread
    std::string secret;  // load_secret()
  };
  explicit ScramAuthenticator(Parts parts) : parts_(std::move(parts)) {}

  /// Reads FOLDER/scram.secret (0600), or makes it. Blocks. Errors: io, no_space, corrupt.
  static Result<std::string> load_secret(const SecretFiles& files, Rng& rng, const std::string& data_folder);

  /// The client-first-message. Errors: unauthenticated (malformed, a user name or a certificate that is not
  /// the SCRAM user's), quota_exceeded (waiting after failures), limit_exceeded (too long), io, corrupt.
  void begin(Executor& reply_to, Credentials credentials, const std::string& message,
             Done<std::unique_ptr<ScramExchange>> done);

  struct Success {
    std::string message;  // server-final-message
    PrincipalRef principal;
  };
  /// The client-final-message. Errors: as begin(), and those of Authenticator::accept_proven().
  void finish(Executor& reply_to, std::unique_ptr<ScramExchange> exchange, const std::string& message,
              Done<Success> done);

 private:
  void challenge(std::unique_ptr<ScramExchange> exchange, const ScramClientFirst& first,
                 const std::optional<ScramRecord>& credential, Done<std::unique_ptr<ScramExchange>> done);
  bool must_wait(const ScramExchange& exchange);
  void tell_refused(const ScramExchange& exchange, RefusalKind kind, const char* why) const;
  void failed(const ScramExchange& exchange);
  void tell(const ScramExchange& exchange, const char* detail) const;

  Parts parts_;
};

/// The stored credentials. `actor` is who asks, for the audit record that goes into the same write. Any
/// thread; completions run on the executor of the call. Errors besides those named: io, no_space, corrupt,
/// conflict.
class ScramCredentials {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;
  struct Parts {
    store::Repository& repository;
    WorkerPool& workers;
    const Clock& clock;
    Rng& rng;
  };
  explicit ScramCredentials(Parts parts, TenantId tenant = kDefaultTenant)
      : parts_(parts), gate_(parts.workers), tenant_(tenant) {}

  struct Set {
    ScramRecord record;
    Secret password;  // where it was made here; else empty
  };
  /// Sets or replaces the credential of a user or thing; an empty password: one is made. The password itself
  /// is not kept. Errors: not_found, invalid_argument (password), already_exists (user and thing of the same
  /// name cannot both have one), unavailable (too many at once).
  void set(Executor& reply_to, Actor actor, ScramRecord::Owner owner, std::string name, Secret password,
           Done<Set> done);
  /// Sorted by id ("thing:NAME", "user:NAME"), behind `after`.
  void list(Executor& reply_to, std::string after, std::size_t limit, Done<std::vector<ScramRecord>> done);
  /// Answers what was removed. Errors: not_found.
  void remove(Executor& reply_to, Actor actor, std::string id, Done<ScramRecord> done);

 private:
  struct Setting;
  using SettingPtr = std::unique_ptr<Setting>;
  void look_for_namesake(SettingPtr setting);
  void derive(SettingPtr setting);
  void store(SettingPtr setting);

  Parts parts_;
  PasswordGate gate_;
  TenantId tenant_;
};

}  // namespace dunlin::security
