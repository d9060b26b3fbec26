#include "platform/thing_lives.h"

#include <boost/json.hpp>

#include "hub/retained_removal.h"
#include "model/text.h"
#include "security/names.h"

namespace dunlin::platform {

using registry::LifeEvent;
using registry::Thing;

ThingLives::ThingLives(Parts parts) : parts_(std::move(parts)), self_(make_service_principal("registry")) {
  parts_.registry.on_change([this](TenantId tenant, const Thing& thing) { changed(tenant, thing); });
  parts_.registry.on_change([this](TenantId tenant, const Thing& thing) {
    const bool gone = thing.version == 0 || thing.state == Thing::State::disabled;
    if (gone) parts_.hub.end_sessions(tenant, thing.name, "revoked");
  });
  parts_.registry.on_step([this](const registry::LifeNotice& notice) { stepped(notice); });
  parts_.registry.wipe_with([this](TenantId tenant, std::string thing, auto done) {
    wipe(tenant, std::move(thing), std::move(done));
  });
  parts_.hub.on_session_event(parts_.executor, [this](const hub::SessionEvent& event) { came(event); });
}

void ThingLives::load(std::move_only_function<void(Result<void>)> done) {
  parts_.registry.load_standings([this](TenantId tenant, const Thing& thing) { changed(tenant, thing); },
                                 std::move(done));
}

void ThingLives::changed(TenantId tenant, const Thing& thing) {
  parts_.standings.set(tenant, thing.name, thing.version == 0 ? Standing{} : thing.life.standing());
}

/// The standings are the new ones already, so a session that begins now begins with these.
void ThingLives::stepped(const registry::LifeNotice& notice) {
  const LifeEvent& event = notice.event;
  const Standing now = notice.thing.life.standing();
  // The first steps have no session yet, or a single one: came() looks after that.
  const bool first_steps = event.kind == LifeEvent::Kind::moved && event.from < Lifecycle::operation &&
                           event.to <= Lifecycle::operation;
  if (!first_steps) parts_.hub.set_standing(notice.tenant, notice.thing.name, now);
  hub::Message message;
  message.topic = Slice::copy_of("$dunlin/things/" + notice.thing.name + "/lifecycle");
  boost::json::object told = to_json(event);
  told["thing"] = notice.thing.name;
  message.payload = Slice::copy_of(model::json_text(told));
  message.principal = in_tenant(self_, notice.tenant);
  message.received_at = parts_.executor.wall_now();
  parts_.hub.publish(parts_.executor, std::move(message), {});
}

void ThingLives::came(const hub::SessionEvent& event) {
  const Principal& principal = *event.principal;
  const bool begins = event.state == hub::SessionEvent::State::online && principal.is_thing() &&
                      principal.standing.lifecycle < Lifecycle::operation;
  if (!begins) return;
  parts_.registry.connected(
      principal.tenant, principal.name,
      [this, tenant = principal.tenant, client_id = event.client_id](Result<Thing> thing) {
        if (thing) parts_.hub.set_client_standing(tenant, client_id, thing->life.standing());
      });
}

struct ThingLives::Wiping {
  TenantId tenant;
  std::string thing;
  std::vector<std::string> filters;  // left to do
  std::move_only_function<void(Result<void>)> done;
  std::size_t answers = 0;  // that are awaited
  std::optional<Error> error{};
};

/// What the thing's sessions had under way has arrived everywhere before anything is removed.
void ThingLives::wipe(TenantId tenant, std::string thing, std::move_only_function<void(Result<void>)> done) {
  auto wiping = std::make_shared<Wiping>(
      Wiping{.tenant = tenant, .thing = std::move(thing), .filters = {}, .done = std::move(done)});
  wiping->filters = parts_.topics(wiping->thing);
  wiping->filters.push_back("$dunlin/things/" + wiping->thing + "/#");
  parts_.hub.set_standing(tenant, wiping->thing, {Lifecycle::decommission, Quarantine::no});
  hub::HubView(parts_.hub).settle(parts_.executor, [this, wiping] { forget_sessions(wiping); });
}

void ThingLives::forget_sessions(WipingRef wiping) {
  hub::SessionQuery query;
  query.tenant = wiping->tenant;
  query.thing = wiping->thing;
  query.limit = hub::kMaxPageRows;
  hub::HubView(parts_.hub)
      .sessions(parts_.executor, std::move(query),
                [this, wiping](const hub::SessionPage& page) { forget_page(wiping, page); });
}

void ThingLives::forget_page(WipingRef wiping, const hub::SessionPage& page) {
  std::vector<std::string> clients;
  for (const hub::SessionView& session : page.sessions) {
    // A user may have the name of a thing.
    if (!session.client_id.starts_with(security::kUserClientPrefix)) clients.push_back(session.client_id);
  }
  if (clients.empty()) return remove_topics(wiping);
  wiping->answers = clients.size();
  for (std::string& client : clients) {
    hub::HubView(parts_.hub)
        .end(parts_.executor, wiping->tenant, std::move(client), hub::HubView::State::forget,
             "the thing was decommissioned", [this, wiping](Result<hub::SessionCondition> ended) {
               // One that has gone by itself is gone.
               if (!ended && ended.error().code != Errc::not_found) wiping->error = std::move(ended).error();
               if (--wiping->answers > 0) return;
               if (wiping->error) return wiping->done(std::unexpected(*wiping->error));
               forget_sessions(wiping);
             });
  }
}

void ThingLives::remove_topics(WipingRef wiping) {
  if (wiping->filters.empty()) return wiping->done({});
  hub::remove_retained(parts_.hub, parts_.executor, in_tenant(self_, wiping->tenant), wiping->filters.back(),
                       [this, wiping](Result<hub::RetainedRemoval> removed) {
                         if (!removed) return wiping->done(std::unexpected(removed.error()));
                         if (removed->left == hub::RetainedRemoval::Left::none) wiping->filters.pop_back();
                         remove_topics(wiping);
                       });
}

}  // namespace dunlin::platform
