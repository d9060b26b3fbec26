// Registry: the steps in the lives of things.

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>

#include "base/log.h"
#include "service/registry/registry.h"

namespace dunlin::registry {
namespace {

constexpr unsigned kMaxStepTries = 5;  // of a step that meets another change of the same thing
constexpr std::size_t kPage = 500;

constexpr std::string_view action_of(LifeEvent::Kind kind) {
  switch (kind) {
    case LifeEvent::Kind::moved:
      return "thing.move";
    case LifeEvent::Kind::quarantined:
      return "thing.quarantine";
    case LifeEvent::Kind::released:
      return "thing.release";
  }
  return "thing.move";
}

std::string detail_of(const LifeEvent& event) {
  std::string detail;
  if (event.kind == LifeEvent::Kind::moved) {
    detail.append(lifecycle_name(event.from)).append(" to ").append(lifecycle_name(event.to));
  }
  if (event.reason.empty()) return detail;
  return detail.empty() ? event.reason : detail + ": " + event.reason;
}

}  // namespace

struct Registry::Stepping {
  LifeRequest request;
  unsigned tries = 0;
};

void Registry::step(LifeRequest request, ThingDone done) {
  step(Stepping{std::move(request)}, std::move(done));
}

void Registry::step(Stepping stepping, ThingDone done) {
  const TenantId tenant = stepping.request.tenant;
  std::string name = stepping.request.thing;
  get(tenant, std::move(name),
      [this, stepping = std::move(stepping), done = std::move(done)](Result<Thing> found) mutable {
        if (!found) return done(std::move(found));
        const LifeRequest& wanted = stepping.request;
        auto event = take_step(found->life, {wanted.kind, wanted.to, wanted.actor.name, wanted.reason},
                               executor_.wall_now());
        if (!event) return done(std::unexpected(event.error()));
        if (!*event) return done(std::move(found));
        const bool withdraws = planner_ && (*event)->to == Lifecycle::decommission;
        if (!withdraws)
          return write_step(std::move(stepping), *std::move(found), **event, {}, std::move(done));
        ThingRemoval end{wanted.tenant, wanted.thing, wanted.actor, ThingRemoval::Occasion::decommissioned};
        planner_(std::move(end), [this, stepping = std::move(stepping), thing = *std::move(found),
                                  event = **event,
                                  done = std::move(done)](Result<RemovalCompanion> companion) mutable {
          if (!companion) return done(std::unexpected(companion.error()));
          write_step(std::move(stepping), std::move(thing), event, *std::move(companion), std::move(done));
        });
      });
}

void Registry::write_step(Stepping stepping, Thing thing, LifeEvent event, RemovalCompanion companion,
                          ThingDone done) {
  const LifeRequest& request = stepping.request;
  std::vector<store::Change> changes{put_thing(request.tenant, thing, thing.version)};
  changes.push_back(security::audit_change(request.tenant, event.at,
                                           {.actor = request.actor,
                                            .action = action_of(event.kind),
                                            .object = thing.name,
                                            .detail = detail_of(event)}));
  std::ranges::move(companion.changes, std::back_inserter(changes));
  repository_.write(executor_, std::move(changes),
                    [this, stepping = std::move(stepping), thing = std::move(thing), event = std::move(event),
                     stored = std::move(companion.stored), done = std::move(done)](auto written) mutable {
                      // Another change of the thing, or of a credential of its, came first: the step is
                      // judged anew.
                      const bool again = !written && written.error().code == Errc::conflict &&
                                         ++stepping.tries < kMaxStepTries;
                      if (again) return step(std::move(stepping), std::move(done));
                      if (!written) return done(std::unexpected(written.error()));
                      if (stored) stored();
                      thing.version = written->at(0);
                      stepped(stepping.request, std::move(thing), event, std::move(done));
                    });
}

void Registry::stepped(const LifeRequest& request, Thing thing, const LifeEvent& event, ThingDone done) {
  steps_.add();
  if (event.kind != LifeEvent::Kind::moved)
    in_quarantine_.add(event.kind == LifeEvent::Kind::released ? -1 : 1);
  notify(request.tenant, thing);
  for (const auto& handler : step_handlers_) handler({request.tenant, thing, event});
  if (thing.life.wipe == Life::Wipe::due) return wipe(request.tenant, std::move(thing), std::move(done));
  done(std::move(thing));
}

void Registry::go_on_to(Lifecycle stage, TenantId tenant, std::string thing, std::string reason,
                        ThingDone done) {
  LifeRequest request{.tenant = tenant, .thing = std::move(thing), .to = stage, .reason = std::move(reason)};
  step(std::move(request), [done = std::move(done)](Result<Thing> moved) mutable {
    // It has gone another way, or is gone, which is no trouble; the next connection tries again.
    const bool trouble =
        !moved && moved.error().code != Errc::conflict && moved.error().code != Errc::not_found;
    if (trouble)
      log::warning("service/registry", "a thing's stage is not stored", {{"why", moved.error().message}});
    done(std::move(moved));
  });
}

void Registry::credential_given(TenantId tenant, std::string thing, std::move_only_function<void()> done) {
  get(tenant, std::move(thing), [this, tenant, done = std::move(done)](Result<Thing> found) mutable {
    if (!found || found->life.stage != Lifecycle::provisioning) return done();
    go_on_to(Lifecycle::activation, tenant, std::move(found->name), "its first credential",
             [done = std::move(done)](const auto&) mutable { done(); });
  });
}

void Registry::connected(TenantId tenant, std::string thing, ThingDone done) {
  get(tenant, std::move(thing), [this, tenant, done = std::move(done)](Result<Thing> found) mutable {
    if (!found) return done(std::move(found));
    constexpr const char* kReason = "its first accepted connection";
    if (found->life.stage == Lifecycle::activation)
      return go_on_to(Lifecycle::operation, tenant, std::move(found->name), kReason, std::move(done));
    if (found->life.stage != Lifecycle::provisioning) return done(std::move(found));
    go_on_to(Lifecycle::activation, tenant, std::move(found->name), "its first credential",
             [this, tenant, done = std::move(done)](Result<Thing> moved) mutable {
               if (!moved) return done(std::move(moved));
               go_on_to(Lifecycle::operation, tenant, std::move(moved->name), kReason, std::move(done));
             });
  });
}

void Registry::wipe(TenantId tenant, Thing thing, ThingDone done) {
  if (!wiper_) return finish_wipe(tenant, std::move(thing.name), std::move(done));
  std::string name = thing.name;
  wiper_(tenant, std::move(name),
         [this, tenant, thing = std::move(thing), done = std::move(done)](Result<void> wiped) mutable {
           if (wiped) return finish_wipe(tenant, std::move(thing.name), std::move(done));
           wipe_later(tenant, thing.name, wiped.error());
           done(std::move(thing));
         });
}

void Registry::finish_wipe(TenantId tenant, std::string name, ThingDone done) {
  get(tenant, name, [this, tenant, name, done = std::move(done)](Result<Thing> found) mutable {
    if (!found || found->life.wipe != Life::Wipe::due) return done(std::move(found));
    found->life.wipe = Life::Wipe::none;
    const std::uint64_t version = found->version;
    std::vector<store::Change> together{security::audit_change(
        tenant, executor_.wall_now(), {.actor = "system", .action = "thing.wipe", .object = name})};
    Thing before = *found;
    store(tenant, *std::move(found), version, std::move(together),
          [this, tenant, before = std::move(before), done = std::move(done)](Result<Thing> stored) mutable {
            if (stored) return done(std::move(stored));
            wipe_later(tenant, before.name, stored.error());
            before.life.wipe = Life::Wipe::due;
            done(std::move(before));
          });
  });
}

void Registry::wipe_later(TenantId tenant, std::string name, const Error& why) {
  const bool waits = !unwiped_.empty();
  unwiped_.emplace(tenant, name);
  if (waits) return;
  wipes_.later("a decommissioned thing is not wiped yet", name, why, [this] { resume_wipes(); });
}

void Registry::resume_wipes() {
  for (const auto& [tenant, name] : std::exchange(unwiped_, {})) {
    Thing thing;
    thing.name = name;
    wipe(tenant, std::move(thing), [](const auto&) {});
  }
}

void Registry::load_standings(std::function<void(TenantId, const Thing&)> visit,
                              std::move_only_function<void(Result<void>)> done) {
  load_page({}, std::move(visit), std::move(done));
}

void Registry::load_page(std::string after, std::function<void(TenantId, const Thing&)> visit,
                         std::move_only_function<void(Result<void>)> done) {
  store::Query query;
  query.kind = store::DocumentKind::thing;
  query.tenant = kDefaultTenant.value;
  query.equals = {{std::string(kStandingIndex), std::string(kUnusual)}};
  query.after_id = std::move(after);
  query.limit = kPage;
  repository_.find(executor_, std::move(query),
                   [this, visit = std::move(visit),
                    done = std::move(done)](Result<std::vector<store::Document>> found) mutable {
                     if (!found) return done(std::unexpected(found.error()));
                     for (const store::Document& document : *found) {
                       // One that cannot be read is let in nowhere as it is.
                       auto thing = thing_from_json(document.body);
                       if (!thing) continue;
                       thing->version = document.version;
                       if (thing->life.wipe == Life::Wipe::due) unwiped_.emplace(kDefaultTenant, thing->name);
                       const bool waits =
                           thing->life.stage == Lifecycle::activation && !thing->gateway.empty();
                       if (waits && awaited_.size() < kMaxKnownNames)
                         awaited_.insert(known_key(kDefaultTenant, thing->name));
                       if (thing->life.quarantine) in_quarantine_.add();
                       visit(kDefaultTenant, *thing);
                     }
                     if (found->size() < kPage) return done({});
                     load_page(found->back().id, std::move(visit), std::move(done));
                   });
}

}  // namespace dunlin::registry
