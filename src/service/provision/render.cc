#include "service/provision/render.h"

#include <boost/json.hpp>

#include "model/json_fields.h"
#include "model/reply.h"
#include "service/provision/provision.h"

namespace dunlin::provision {

Result<Grant> new_grant(const boost::json::object& request, WallTime now, Duration absent,
                        std::int64_t absent_uses) {
  Grant grant;
  grant.label = model::optional_text(request, "label").value_or("");
  if (grant.label.size() > kMaxTextBytes)
    return fail(Errc::limit_exceeded, "\"label\" has at most " + std::to_string(kMaxTextBytes) + " bytes");
  DUNLIN_TRY(grant.rules, template_from(request, {}));
  constexpr std::int64_t kMaxHours =
      std::chrono::duration_cast<std::chrono::hours>(kMaxGrantLifetime).count();
  const auto hours = model::optional_integer(request, "hours");
  if (hours && (*hours < 1 || *hours > kMaxHours))
    return fail(Errc::invalid_argument, "\"hours\" must be between 1 and " + std::to_string(kMaxHours));
  const Duration life = hours ? Duration{std::chrono::hours{*hours}} : absent;
  if (life > Duration{0}) grant.expires_at = unix_milliseconds(now + life);
  grant.uses_left = model::optional_integer(request, "uses").value_or(absent_uses);
  if (grant.uses_left != absent_uses && (grant.uses_left < 1 || grant.uses_left > kMaxUses))
    return fail(Errc::invalid_argument, "\"uses\" must be between 1 and " + std::to_string(kMaxUses));
  return grant;
}

void list_grants(Grants& grants, GrantKind kind, const boost::json::object& request, std::string_view name,
                 model::Reply reply) {
  const auto limit = model::limit_field(request);
  if (!limit) return reply(std::unexpected(limit.error()));
  grants.list(kind, model::optional_text(request, "after").value_or(""), *limit,
              model::reply_with(std::move(reply), [name, limit = *limit](const auto& found) {
                boost::json::object answer = model::list_of(name, found);
                if (found.size() == limit) answer["next"] = found.back().id;
                return answer;
              }));
}

void declare(Grants& grants, const security::Pki& pki, model::OperationTable& table) {
  declare_authorities(grants, table);
  declare_codes(grants, pki, table);
  declare_queue(grants, table);
}

std::vector<model::OperationSpec> operations() {
  std::vector<model::OperationSpec> all = authority_operations();
  for (const auto& more : {code_operations(), queue_operations()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace dunlin::provision
