#include "platform/thing_removal.h"

#include "base/log.h"

namespace dunlin::platform {

void withdraw_credentials_with_things(Executor& executor, registry::Registry& registry,
                                      security::ThingCredentials& credentials) {
  registry.plan_removals([&executor, &credentials](registry::ThingRemoval removal, auto done) {
    using Occasion = security::ThingCredentials::Occasion;
    const bool removed = removal.occasion == registry::ThingRemoval::Occasion::removed;
    credentials.withdraw(
        executor, std::move(removal.actor), std::move(removal.thing),
        removed ? Occasion::removed : Occasion::decommissioned,
        [done = std::move(done)](auto withdrawal) mutable {
          if (!withdrawal) return done(std::unexpected(withdrawal.error()));
          done(registry::RemovalCompanion{std::move(withdrawal->changes), std::move(withdrawal->stored)});
        });
  });
}

void sweep_credentials(Executor& executor, security::ThingCredentials& credentials) {
  credentials.sweep(executor, [](Result<std::size_t> taken) {
    if (!taken) {
      // They are refused all the same; the next start tries again.
      log::warning("platform", "credentials of removed things could not be taken out",
                   {{"why", taken.error().message}});
    } else if (*taken > 0) {
      log::info("platform", "credentials of removed things were taken out",
                {{"count", std::to_string(*taken)}});
    }
  });
}

}  // namespace dunlin::platform
