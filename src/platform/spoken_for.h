#pragma once
// What a gateway may say in the name of the things behind it: no more than they could say themselves.

#include <functional>
#include <string>

#include "hub/access.h"
#include "hub/standings.h"
#include "model/mapping.h"
#include "security/policy.h"

namespace dunlin::platform {

struct SpokenForParts {
  hub::Authorizer judge;  // of the speaker's own rights
  const security::PolicyEngine& engine;
  const hub::Standings& standings;
  model::Mapping mapping;  // whose a telemetry topic is
  /// Told of a refusal, on any thread; not of those that a connection remembers.
  std::function<void(const Principal& speaker, const std::string& thing, const std::string& why)> refused;
};

/// `judge`, and for publishes of a thing to topics of another thing the bounds of that one's stage and
/// quarantine as well. What these refuse is an error of its own, `conflict`: it is not the speaker's fault.
/// All must outlive the function, which runs on any thread.
hub::Authorizer judge_spoken_for(SpokenForParts parts);

}  // namespace dunlin::platform
