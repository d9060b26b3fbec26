#include "platform/thing_removal.h"

#include <algorithm>
#include <iterator>

#include "base/log.h"

namespace dunlin::platform {
namespace {

void add_attachments(registry::RemovalCompanion& companion, security::AttachmentCompanion attachments) {
  std::ranges::move(attachments.changes, std::back_inserter(companion.changes));
  companion.stored = [first = std::move(companion.stored), then = std::move(attachments.stored)]() mutable {
    if (first) first();
    then();
  };
}

}  // namespace

void withdraw_credentials_with_things(Executor& executor, registry::Registry& registry,
                                      security::ThingCredentials& credentials,
                                      security::AttachmentRegister& attachments) {
  registry.plan_removals([&executor, &credentials, &attachments](registry::ThingRemoval removal, auto done) {
    using Occasion = security::ThingCredentials::Occasion;
    const bool removed = removal.occasion == registry::ThingRemoval::Occasion::removed;
    std::string thing = removal.thing;
    credentials.withdraw(
        executor, std::move(removal.actor), std::move(removal.thing),
        removed ? Occasion::removed : Occasion::decommissioned,
        [&attachments, removed, thing = std::move(thing), done = std::move(done)](auto withdrawal) mutable {
          if (!withdrawal) return done(std::unexpected(withdrawal.error()));
          registry::RemovalCompanion companion{std::move(withdrawal->changes), std::move(withdrawal->stored)};
          if (removed)
            add_attachments(companion,
                            attachments.withdraw({security::SubjectKind::thing, std::move(thing)}));
          done(std::move(companion));
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
