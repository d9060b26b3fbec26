#include "platform/web_door.h"

namespace dunlin::platform {
namespace {

using security::Secret;

transport::SignedIn signed_in(const security::StartedSession& session, const Clock& clock) {
  auto principal = std::make_shared<Principal>();
  principal->kind = PrincipalKind::user;
  principal->proof = Proof::session;
  principal->name = session.user.name;
  principal->permissions = session.permissions;
  return {std::move(principal), std::string(session.cookie.view()), session.expires_at - clock.wall_now()};
}

}  // namespace

transport::WebDoor make_web_door(Executor& executor, security::Authenticator& authenticator,
                                 security::Accounts& accounts, const Clock& clock) {
  transport::WebDoor door;
  door.authenticate = [&executor, &authenticator](transport::WebCredentials credentials, auto done) {
    if (!credentials.bearer_token.empty()) {
      return authenticator.authenticate_bearer(executor, Secret(std::move(credentials.bearer_token)),
                                               std::move(credentials.address), std::move(done));
    }
    authenticator.authenticate_session(executor, Secret(std::move(credentials.session_token)),
                                       std::move(credentials.address), std::move(done));
  };
  door.claim = [&executor, &accounts, &clock](std::string token, std::string password, std::string address,
                                              transport::SignInDone done) {
    accounts.claim(executor, Secret(std::move(token)), Secret(std::move(password)), std::move(address),
                   [&clock, done = std::move(done)](Result<security::StartedSession> session) mutable {
                     if (!session) return done(std::unexpected(session.error()));
                     done(signed_in(*session, clock));
                   });
  };
  door.sign_in = [&executor, &accounts, &clock](transport::SignInWish wish, transport::SignInDone done) {
    accounts.login(executor,
                   {std::move(wish.user), Secret(std::move(wish.password)), std::move(wish.code),
                    std::move(wish.address)},
                   [&executor, &accounts, &clock, old = Secret(std::move(wish.old_session)),
                    done = std::move(done)](Result<std::optional<security::StartedSession>> session) mutable {
                     if (!session) return done(std::unexpected(session.error()));
                     if (!*session) return done(transport::SignedIn{});
                     transport::SignedIn answer = signed_in(**session, clock);
                     if (old.empty()) return done(std::move(answer));
                     // What the browser had before, perhaps from somebody else, is worth nothing from now on.
                     accounts.logout(executor, std::move(old),
                                     [answer = std::move(answer), done = std::move(done)](
                                         Result<void>) mutable { done(std::move(answer)); });
                   });
  };
  door.sign_out = [&executor, &accounts](std::string token, auto done) {
    accounts.logout(executor, Secret(std::move(token)), std::move(done));
  };
  return door;
}

}  // namespace dunlin::platform
