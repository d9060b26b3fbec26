#include "platform/spoken_for.h"

#include <utility>

namespace dunlin::platform {
namespace {

constexpr std::string_view kThingTopics = "$dunlin/things/";

/// Whose topic it is; empty: nobody's.
std::string owner_of(const model::Mapping& mapping, std::string_view topic) {
  if (topic.starts_with(kThingTopics)) {
    topic.remove_prefix(kThingTopics.size());
    return std::string(topic.substr(0, topic.find('/')));
  }
  auto facts = mapping.facts_of(topic);
  return facts ? std::move(facts->device) : std::string();
}

Result<void> judge_owner(const SpokenForParts& parts, const Principal& speaker, std::string_view topic) {
  std::string owner = owner_of(parts.mapping, topic);
  if (owner.empty() || owner == speaker.name) return {};
  const Standing standing = parts.standings.of(speaker.tenant, owner);
  if (standing.is_usual()) return {};
  Principal thing;
  thing.kind = PrincipalKind::device;
  thing.tenant = speaker.tenant;
  thing.name = owner;
  thing.standing = standing;
  const security::Decision bound = parts.engine.bound(thing, security::Action::publish, topic);
  if (bound.allowed()) return {};
  std::string why = "in the name of " + owner + ": " + parts.engine.explain(bound, thing);
  if (parts.refused) parts.refused(speaker, owner, why);
  return fail(Errc::conflict, std::move(why));
}

}  // namespace

hub::Authorizer judge_spoken_for(SpokenForParts parts) {
  return [parts = std::move(parts)](const Principal& principal, hub::Action action,
                                    std::string_view topic) -> Result<void> {
    DUNLIN_CHECK(parts.judge(principal, action, topic));
    const bool may_be_others =
        action == hub::Action::publish && principal.is_thing() && parts.standings.size() > 0;
    return may_be_others ? judge_owner(parts, principal, topic) : Result<void>{};
  };
}

}  // namespace dunlin::platform
