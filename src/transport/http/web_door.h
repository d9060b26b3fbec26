#pragma once
// How the HTTP side learns who asks. The answers come from the security room, composed by the platform.

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "hub/principal.h"
#include "net/connection.h"
#include "security/crypto.h"

namespace dunlin::transport {

/// What a request carries to prove who sends it; one of the two tokens is set.
struct WebCredentials {
  std::string bearer_token;
  std::string session_token;
  std::string address;
};

/// What a thing shows over HTTP: its certificate, or its name with a token, a JWT or a SAS token in the place
/// of a password.
struct ThingCredentials {
  std::string certificate_der;  // that TLS has verified; empty: none
  std::string name;
  security::Secret secret;
  net::Endpoint address;
};

struct SignInWish {
  std::string user;
  std::string password;
  std::string code;         // of the second factor; empty: none was sent
  std::string old_session;  // that the browser has: it ends with the new one's beginning
  std::string address;
};

struct SignedIn {
  PrincipalRef principal;  // null: the password is right, and a code is needed beside it
  std::string session_token;
  Duration lifetime{};
};

using SignInDone = std::move_only_function<void(Result<SignedIn>)>;

/// All completions run on the HTTP server's executor.
struct WebDoor {
  std::function<void(WebCredentials, std::move_only_function<void(Result<PrincipalRef>)>)> authenticate;
  /// Of a device or a gateway, and of nobody else.
  std::function<void(ThingCredentials, std::move_only_function<void(Result<PrincipalRef>)>)>
      authenticate_thing;
  std::function<void(std::string claim_token, std::string password, std::string address, SignInDone)> claim;
  std::function<void(SignInWish, SignInDone)> sign_in;
  std::function<void(std::string session_token, std::move_only_function<void(Result<void>)>)> sign_out;
};

}  // namespace dunlin::transport
