// Shard: sessions of things whose standing changes.

#include "base/log.h"
#include "hub/shard.h"

namespace dunlin::hub {

void Shard::set_standing(TenantId tenant, const std::string& thing, Standing standing) {
  sessions_.for_each([&](const std::unique_ptr<Session>& session) {
    const Principal& principal = *session->principal();
    if (principal.tenant == tenant && principal.name == thing) session->take_standing(standing);
  });
}

void Shard::set_client_standing(TenantId tenant, const std::string& client_id, Standing standing) {
  if (Session* session = session_of(tenant, client_id)) session->take_standing(standing);
}

/// A user may have the name of a thing.
void Session::take_standing(Standing standing) {
  if (!principal_->is_thing() || principal_->standing == standing) return;
  principal_ = with_standing(principal_, standing);
  if (link_ != nullptr) link_->rights_changed();
}

bool Shard::may_publish_will(const Message& will) {
  if (!setup_.authorize_will) return true;
  const Result<void> may = setup_.authorize_will(*will.principal, Action::publish, will.topic.text());
  if (may) return true;
  metrics_.refused_wills.add();
  log::refusal("hub", "a will is not published", will.principal->name, {{"why", may.error().message}});
  return false;
}

}  // namespace dunlin::hub
