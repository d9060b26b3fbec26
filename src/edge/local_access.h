#pragma once
// Who may connect to the gateway and what they may do there. Any thread after construction.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "edge/config.h"
#include "hub/access.h"
#include "security/topic_pattern.h"

namespace dunlin::edge {

/// A device speaks for itself: its telemetry +/+/+/{name}/#, its own $dunlin/things/{name}/#, and what its
/// table allows besides. An anonymous client on loopback may use every topic. Nobody publishes to $-topics
/// other than requests to its own shadow: those are the platform's and the gateway's.
class LocalAccess {
 public:
  /// The configuration has been checked.
  explicit LocalAccess(const GatewayConfig& config);

  /// Errors: unauthenticated (the sentence never says which part was wrong), invalid_argument (a name that
  /// cannot be a topic level).
  Result<PrincipalRef> authenticate(const hub::Credentials& credentials) const;
  /// Errors: permission_denied.
  Result<void> authorize(const Principal& principal, hub::Action action, std::string_view topic) const;

 private:
  struct Known {
    std::string token_sha256;
    std::vector<security::TopicPattern> allow;
  };
  const std::vector<security::TopicPattern>& patterns_of(const Principal& principal) const;

  std::map<std::string, Known, std::less<>> devices_;
  std::vector<security::TopicPattern> anonymous_allow_;
  enum class Anonymous : std::uint8_t { refused, on_loopback } anonymous_;
};

}  // namespace dunlin::edge
