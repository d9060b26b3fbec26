#pragma once
// Users, tokens, web sessions and the first user's claim: what the operations of the API call.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "security/attachment_register.h"
#include "security/authenticator.h"
#include "security/records.h"
#include "security/second_factor.h"
#include "security/turns.h"

namespace dunlin::security {

struct NewUser {
  std::string name;
  Secret password;
  std::vector<std::string> permissions;
  std::vector<std::string> roles{};
  std::vector<std::string> policies = {"user"};
};

/// What is not set stays as it is.
struct UserChange {
  std::optional<std::vector<std::string>> permissions{};
  std::optional<std::vector<std::string>> roles{};
  std::optional<std::vector<std::string>> policies{};
  std::optional<UserRecord::State> state{};
};

struct CreatedUser {
  UserRecord user;
  /// Whether the first user's one-time link was open until now: it gives the first user, so it is void.
  enum class Link : std::uint8_t { untouched, voided } link = Link::untouched;
};

struct NewApiToken {
  std::string owner;  // a user
  std::string label;
  std::vector<std::string> permissions;
  Duration lifetime{0};  // 0: does not expire
  std::vector<std::string> roles{};
};

struct IssuedToken {
  TokenRecord record;
  Secret text;  // shown once
};

struct SignInRequest {
  std::string user;
  Secret password;
  std::string code;  // of the second factor; empty: none was sent
  std::string address;
};

struct StartedSession {
  Secret cookie;  // value of dunlin_session
  UserRecord user;
  WallTime expires_at{};
  std::vector<std::string> permissions{};  // with those of the roles
};

/// `actor` is who asks, for the audit record that goes into the same write. Any thread; completions run on
/// the executor of the call. Errors besides those named: io, no_space, corrupt, conflict (someone changed the
/// same record at the same moment).
class Accounts {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;

  Accounts(store::Repository& repository, Authenticator& authenticator, SecondFactors& second_factors,
           const Clock& clock, Rng& rng)
      : repository_(repository),
        authenticator_(authenticator),
        second_factors_(second_factors),
        clock_(clock),
        rng_(rng) {}

  /// An open claim becomes void in the same write. Errors: invalid_argument, already_exists, unavailable (too
  /// many passwords at once).
  void create_user(Executor& reply_to, Actor actor, NewUser user, Done<CreatedUser> done);
  /// Sorted by name, behind `after`.
  void list_users(Executor& reply_to, std::string after, std::size_t limit,
                  Done<std::vector<UserRecord>> done);
  /// Errors: not_found.
  void get_user(Executor& reply_to, std::string name, Done<UserRecord> done);
  /// Counts from the next request on; whoever speaks MQTT is ended by the caller (hub::Bus::end_sessions).
  /// Errors: not_found, invalid_argument.
  void change_user(Executor& reply_to, Actor actor, std::string name, UserChange change,
                   Done<UserRecord> done);
  /// Web sessions end in the same write; API tokens stay. Errors: not_found, invalid_argument, unavailable
  /// (too many passwords at once).
  void set_password(Executor& reply_to, Actor actor, std::string name, Secret password, Done<void> done);
  /// At most one, at start-up: what goes with a user in the same write.
  void plan_removals(std::function<AttachmentCompanion(const std::string& user)> planner) {
    removal_planner_ = std::move(planner);
  }
  /// With all tokens, sessions, the second factor and what is planned. Errors: not_found.
  void remove_user(Executor& reply_to, Actor actor, std::string name, Done<void> done);

  /// The token with which the thing connects (user name = thing name). Errors: not_found, limit_exceeded
  /// (kMaxTokensPerOwner).
  void create_device_token(Executor& reply_to, Actor actor, std::string thing, std::string label,
                           Done<IssuedToken> done);
  /// Errors: not_found (user), invalid_argument, permission_denied (more than the owner has), limit_exceeded.
  void create_api_token(Executor& reply_to, Actor actor, NewApiToken wanted, Done<IssuedToken> done);
  /// An API token that may less from now on: these permissions, and no roles. Errors: not_found,
  /// permission_denied (more than it has), invalid_argument.
  void narrow_token(Executor& reply_to, Actor actor, std::string id, std::vector<std::string> permissions,
                    Done<TokenRecord> done);
  /// Errors: not_found.
  void get_token(Executor& reply_to, std::string id, Done<TokenRecord> done);
  void list_tokens(Executor& reply_to, TokenType type, std::string owner,
                   Done<std::vector<TokenRecord>> done);
  /// Answers the token that was removed; the caller ends its owner's sessions (hub::Bus::end_sessions).
  /// Errors: not_found.
  void remove_token(Executor& reply_to, Actor actor, std::string id, Done<TokenRecord> done);

  /// While no user exists: a new claim, valid for kClaimLifetime, replacing the former; its token goes into
  /// the one-time link. Once a user exists: nothing, and no claim is left open.
  void prepare_claim(Executor& reply_to, Done<std::optional<Secret>> done);
  /// Spends the claim on the first user ("admin", all permissions) and signs in. Errors: unauthenticated
  /// (wrong, used, void or expired claim, or a user exists; the message says what to do), invalid_argument
  /// (password), quota_exceeded (waiting after failures), unavailable.
  void claim(Executor& reply_to, Secret token, Secret password, std::string address,
             Done<StartedSession> done);

  /// nullopt: the password is right, and a code of the second factor is needed beside it. Errors: as
  /// Authenticator::check_password, and unauthenticated or quota_exceeded for the code.
  void login(Executor& reply_to, SignInRequest request, Done<std::optional<StartedSession>> done);
  /// Whether this is the user's password. Errors: as Authenticator::check_password.
  void confirm_password(Executor& reply_to, std::string user, Secret password, std::string address,
                        Done<void> done);
  /// Ends the session of the cookie; an unknown cookie is no error.
  void logout(Executor& reply_to, Secret cookie, Done<void> done);

 private:
  using Documents = std::vector<store::Document>;
  void write(Executor& reply_to, std::vector<store::Change> changes, Done<void> done);
  struct PendingUser;
  void store_user(PendingUser pending);
  void user_not_stored(PendingUser pending, Error error);
  void find_tokens(Executor& reply_to, TokenType type, const std::string& owner, Done<Documents> done);
  void store_token(Executor& reply_to, Actor actor, NewToken made, Done<IssuedToken> done);
  /// How a session begins beside its user.
  struct Beginning {
    std::string address;
    std::vector<store::Change> changes;  // into the same write
    std::string detail;                  // for the audit record
  };
  void start_session(Executor& reply_to, UserRecord user, Beginning beginning, Done<StartedSession> done);
  void second_factor_judged(Executor& reply_to, UserRecord user, std::string address,
                            Result<SecondFactors::Verdict> verdict, Done<std::optional<StartedSession>> done);
  void store_token_in_turn(Executor& reply_to, Actor actor, NewToken made, Done<IssuedToken> done);
  void load_user(Executor& reply_to, std::string name, Done<store::Document> done);
  void store_password(Executor& reply_to, Actor actor, std::string name, std::string hash, Done<void> done);
  void claim_with(Executor& reply_to, store::Document stored, Secret password, std::string address,
                  Done<StartedSession> done);
  void remove_with_tokens(Executor& reply_to, Actor actor, std::string name, Done<void> done);
  store::Change audit(const Actor& actor, std::string_view action, std::string_view object,
                      std::string_view detail = {}) {
    return audit_change(tenant(), clock_.wall_now(),
                        {.actor = actor, .action = action, .object = object, .detail = detail});
  }
  TenantId tenant() const { return authenticator_.tenant(); }

  store::Repository& repository_;
  Authenticator& authenticator_;
  SecondFactors& second_factors_;
  const Clock& clock_;
  Rng& rng_;
  std::function<AttachmentCompanion(const std::string& user)> removal_planner_;
  Turns token_turns_;  // by owner
};

}  // namespace dunlin::security
