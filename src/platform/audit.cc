#include "platform/audit.h"

#include "base/log.h"
#include "security/records.h"

namespace dunlin::platform {

broker::Audit make_audit(Executor& executor, store::Repository& repository, const Clock& clock, Rng& rng) {
  return [&executor, &repository, &clock, &rng](TenantId tenant, const std::string& actor,
                                                std::string_view action, const std::string& object) {
    std::vector<store::Change> changes;
    changes.push_back(security::audit_change(tenant, clock.wall_now(), rng, actor, action, object));
    repository.write(executor, std::move(changes), [](const Result<std::vector<std::uint64_t>>& written) {
      if (!written)
        log::error("platform", "an audit record was not written", {{"why", written.error().message}});
    });
  };
}

}  // namespace dunlin::platform
