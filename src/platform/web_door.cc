#include "platform/web_door.h"

#include "security/jwt.h"
#include "security/sas_token.h"

namespace dunlin::platform {
namespace {

using security::Secret;

constexpr const char* kNoThing =
    "these are no credentials of a device: its certificate, or its name with a token, a JWT or a SAS token";

bool is_secret_of_thing(std::string_view secret) {
  return secret.starts_with("dt_") || security::looks_like_jwt(secret) ||
         security::looks_like_sas_token(secret);
}

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
  door.authenticate_thing = [&executor, &authenticator](transport::ThingCredentials shown, auto done) {
    const bool is_things = !shown.certificate_der.empty() || is_secret_of_thing(shown.secret.view());
    // A person's password is for signing in, where a second factor is asked for too.
    if (!is_things) return done(fail(Errc::unauthenticated, kNoThing));
    security::Credentials credentials;
    credentials.protocol = "http";
    credentials.username = std::move(shown.name);
    credentials.password = std::move(shown.secret);
    credentials.certificate_der = std::move(shown.certificate_der);
    credentials.address = shown.address.host;
    if (shown.address.is_loopback()) credentials.listener = security::Listener::loopback;
    authenticator.authenticate(executor, std::move(credentials),
                               [done = std::move(done)](Result<PrincipalRef> principal) mutable {
                                 if (principal && !(*principal)->is_thing())
                                   return done(fail(Errc::unauthenticated, kNoThing));
                                 done(std::move(principal));
                               });
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
