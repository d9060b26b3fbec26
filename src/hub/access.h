#pragma once
// The two questions that every transport asks before it lets a peer in: who are you, and may you? The
// platform hands in the answers (rooms security/...); transports know only these types.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/principal.h"

namespace dunlin::hub {

/// What a peer may ask to do; the names in policies are "mqtt:connect" and so on, for every protocol alike.
enum class Action : std::uint8_t { connect, publish, subscribe, receive };

/// What a peer has shown of itself. `password` is a secret: never log it.
struct Credentials {
  std::string client_id;
  std::optional<std::string> username;
  std::optional<std::string> password;        // bytes, not necessarily text
  std::vector<std::uint8_t> certificate_der;  // verified leaf certificate, or empty
  std::string address;                        // of the peer, for rate limits and the audit
  std::string protocol;                       // "mqtt" ...
};

/// Called once. Errors: unauthenticated, permission_denied, unavailable (asked too often), limit_exceeded.
using Authenticated = std::move_only_function<void(Result<PrincipalRef>)>;

/// Called on a transport's thread; must not block. May call `done` at once or later, on any thread.
using Authenticator = std::function<void(Credentials credentials, Authenticated done)>;

/// What an exchange of several steps (MQTT 5.0 section 4.12) remembers between two of them.
class EnhancedState {
 public:
  virtual ~EnhancedState() = default;
};

/// One step: what the client says.
struct EnhancedStep {
  std::string method;
  std::string data;                      // bytes; a secret or not, as the method has it: never log it
  Credentials credentials;               // what else it has shown, without password; the same at every step
  std::unique_ptr<EnhancedState> state;  // of the step before; null in the first
};

/// What the client is to hear. Without a principal the exchange goes on.
struct EnhancedAnswer {
  std::string data;
  PrincipalRef principal;
  std::unique_ptr<EnhancedState> state;
};

/// Called once. Errors: unsupported (no such method), and those of Authenticated.
using EnhancedAnswered = std::move_only_function<void(Result<EnhancedAnswer>)>;

/// Called on a transport's thread; must not block. Calls `done` later, on any thread.
using EnhancedAuthenticator = std::function<void(EnhancedStep step, EnhancedAnswered done)>;

/// Called on any transport's thread; must not block. `topic` is a topic (publish), a topic or a filter
/// (receive: all its topics), a filter (subscribe) or a client id (connect). The error's message is meant for
/// the peer.
using Authorizer =
    std::function<Result<void>(const Principal& principal, Action action, std::string_view topic)>;

}  // namespace dunlin::hub
