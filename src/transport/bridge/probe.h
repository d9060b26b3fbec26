#pragma once
// Tries what a bridge would do, step by step, and says in plain words how each went.

#include <boost/json/fwd.hpp>
#include <functional>

#include "transport/bridge/bridge.h"

namespace dunlin::bridge {

/// Uses a client id of its own and publishes nothing; the bridge goes on beside it. `done` runs once, within
/// kProbeDeadline, with {"ok", "steps": [{"step", "ok", "detail"} ..]}. The environment outlives the call.
void probe(const BridgeEnvironment& environment, const BridgeSettings& settings, Source source,
           const std::string& node, std::move_only_function<void(boost::json::object)> done);

}  // namespace dunlin::bridge
