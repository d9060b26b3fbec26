#include "platform/web_door.h"

namespace dunlin::platform {
namespace {

using security::Secret;

security::Accounts::Done<security::StartedSession> started(const Clock& clock, transport::SignInDone done) {
  return [&clock, done = std::move(done)](Result<security::StartedSession> session) mutable {
    if (!session) return done(std::unexpected(session.error()));
    auto principal = std::make_shared<Principal>();
    principal->kind = PrincipalKind::user;
    principal->proof = Proof::session;
    principal->name = session->user.name;
    principal->permissions = session->user.permissions;
    done(transport::SignedIn{std::move(principal), std::string(session->cookie.view()),
                             session->expires_at - clock.wall_now()});
  };
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
                                       std::move(done));
  };
  door.claim = [&executor, &accounts, &clock](std::string token, std::string password, std::string address,
                                              transport::SignInDone done) {
    accounts.claim(executor, Secret(std::move(token)), Secret(std::move(password)), std::move(address),
                   started(clock, std::move(done)));
  };
  door.sign_in = [&executor, &accounts, &clock](std::string user, std::string password, std::string address,
                                                transport::SignInDone done) {
    accounts.login(executor, std::move(user), Secret(std::move(password)), std::move(address),
                   started(clock, std::move(done)));
  };
  door.sign_out = [&executor, &accounts](std::string token, auto done) {
    accounts.logout(executor, Secret(std::move(token)), std::move(done));
  };
  return door;
}

}  // namespace dunlin::platform
