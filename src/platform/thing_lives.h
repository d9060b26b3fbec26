#pragma once
// What a step in a thing's life means for the hub: rights of live sessions, what a decommissioned thing has
// left there, and the event that tells of it.

#include <functional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "hub/hub.h"
#include "hub/standings.h"
#include "hub/view.h"
#include "service/registry/registry.h"

namespace dunlin::platform {

/// The registry's executor. All parts must outlive its calls.
class ThingLives {
 public:
  struct Parts {
    Executor& executor;
    registry::Registry& registry;
    hub::Hub& hub;
    hub::Standings& standings;
    std::function<std::vector<std::string>(std::string_view thing)> topics;  // filters of its telemetry
  };
  /// Before the hub starts.
  explicit ThingLives(Parts parts);

  /// Before the hub starts: the standings that are not the usual ones.
  void load(std::move_only_function<void(Result<void>)> done);

 private:
  void changed(TenantId tenant, const registry::Thing& thing);
  void stepped(const registry::LifeNotice& notice);
  void came(const hub::SessionEvent& event);
  struct Wiping;
  using WipingRef = std::shared_ptr<Wiping>;  // shared by a wipe's completions; one of them runs at a time
  void wipe(TenantId tenant, std::string thing, std::move_only_function<void(Result<void>)> done);
  void forget_sessions(WipingRef wiping);
  void forget_page(WipingRef wiping, const hub::SessionPage& page);
  void remove_topics(WipingRef wiping);

  Parts parts_;
  PrincipalRef self_;
};

}  // namespace dunlin::platform
