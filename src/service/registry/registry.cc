#include "service/registry/registry.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>

#include "base/log.h"

namespace dunlin::registry {
namespace {

constexpr auto kThing = store::DocumentKind::thing;

Result<Thing> thing_of(const store::Document& document) {
  DUNLIN_TRY(Thing thing, thing_from_json(document.body));
  thing.version = document.version;
  return thing;
}

Result<void> check(const Thing& thing) {
  DUNLIN_CHECK(check_thing_name(thing.name));
  if (!thing.gateway.empty()) {
    DUNLIN_CHECK(check_thing_name(thing.gateway));
    if (thing.gateway == thing.name) return fail(Errc::invalid_argument, "a thing cannot be its own gateway");
  }
  if (thing.type.size() > kMaxThingNameBytes)
    return fail(Errc::limit_exceeded, "a thing's type has at most 128 bytes");
  return check_attributes(thing.attributes);
}

void apply(const ThingUpdate& update, Thing& thing) {
  if (update.type) thing.type = *update.type;
  if (update.gateway) thing.gateway = *update.gateway;
  if (update.state) thing.state = *update.state;
  for (const auto& [name, value] : update.attributes) {
    if (value) {
      thing.attributes[name] = *value;
    } else {
      thing.attributes.erase(name);
    }
  }
}

}  // namespace

Registry::Registry(Executor& executor, store::Repository& repository, metrics::Registry& metrics,
                   RegistryOptions options)
    : executor_(executor),
      repository_(repository),
      options_(options),
      wipes_(executor, metrics, "registry"),
      steps_(metrics.counter("dunlin_registry_life_steps_total",
                             "Steps in the lives of things: moves, quarantines, releases")),
      in_quarantine_(metrics.gauge("dunlin_registry_things_in_quarantine", "Things in quarantine")),
      created_(metrics.counter("dunlin_registry_things_created_total", "Things made")),
      refused_(metrics.counter("dunlin_registry_first_messages_refused_total",
                               "Unknown devices that were not made a thing (bad name, limit or store)")) {}

std::string Registry::known_key(TenantId tenant, std::string_view name) {
  return std::to_string(tenant.value) + '/' + std::string(name);
}

void Registry::notify(TenantId tenant, const Thing& thing) {
  std::string key = known_key(tenant, thing.name);
  const bool waits =
      thing.version != 0 && thing.life.stage == Lifecycle::activation && !thing.gateway.empty();
  if (!waits) {
    awaited_.erase(key);
  } else if (awaited_.size() < kMaxKnownNames) {
    awaited_.insert(std::move(key));
  }
  for (const auto& handler : handlers_) handler(tenant, thing);
}

store::Change Registry::put_thing(TenantId tenant, const Thing& thing,
                                  std::optional<std::uint64_t> expected) {
  store::Change change;
  change.kind = kThing;
  change.tenant = tenant.value;
  change.document.id = thing.name;
  change.document.body = boost::json::serialize(stored_json(thing));
  change.document.index = {{"type", thing.type}, {"gateway", thing.gateway}};
  const bool usual = thing.life.standing().is_usual() && thing.life.wipe == Life::Wipe::none;
  if (!usual) change.document.index.emplace_back(kStandingIndex, kUnusual);
  const auto by = thing.attributes.find(std::string(kEnrolledBy));
  if (by != thing.attributes.end() && thing.life.stage != Lifecycle::decommission) {
    change.document.index.emplace_back(kEnrolledBy, by->second);
    change.document.index.emplace_back(kEnrolledIndex, kEnrolled);
  }
  change.expected_version = expected;
  return change;
}

void Registry::get(TenantId tenant, std::string name, ThingDone done) {
  repository_.get(executor_, kThing, tenant.value, name,
                  [name, done = std::move(done)](Result<std::optional<store::Document>> found) mutable {
                    if (!found) return done(std::unexpected(found.error()));
                    if (!*found)
                      return done(fail(Errc::not_found, "there is no thing named \"" + name + "\""));
                    done(thing_of(**found));
                  });
}

void Registry::store(TenantId tenant, Thing thing, std::optional<std::uint64_t> expected,
                     std::vector<store::Change> together, ThingDone done) {
  if (auto checked = check(thing); !checked) return done(std::unexpected(checked.error()));
  std::vector<store::Change> changes{put_thing(tenant, thing, expected)};
  std::ranges::move(together, std::back_inserter(changes));
  repository_.write(executor_, std::move(changes),
                    [this, tenant, thing = std::move(thing),
                     done = std::move(done)](Result<std::vector<std::uint64_t>> written) mutable {
                      if (!written) return done(std::unexpected(written.error()));
                      thing.version = written->at(0);
                      notify(tenant, thing);
                      done(std::move(thing));
                    });
}

void Registry::create(TenantId tenant, Thing thing, ThingDone done, std::vector<store::Change> together) {
  thing.created_at = executor_.wall_now();
  const std::string name = thing.name;
  store(tenant, std::move(thing), 0, std::move(together),
        [this, name, done = std::move(done)](Result<Thing> stored) mutable {
          if (stored) created_.add();
          if (!stored && stored.error().code == Errc::conflict) {
            return done(fail(Errc::already_exists, "a thing named \"" + name + "\" is there already"));
          }
          done(std::move(stored));
        });
}

Result<Registry::Plan> Registry::plan(TenantId tenant, Thing thing, std::uint64_t version) const {
  if (version == 0 && thing.created_at == WallTime{}) thing.created_at = executor_.wall_now();
  DUNLIN_CHECK(check(thing));
  store::Change change = put_thing(tenant, thing, version);
  return Plan{std::move(change), std::move(thing)};
}

void Registry::adopt(TenantId tenant, Thing thing, std::uint64_t version) {
  if (version == 1) created_.add();
  thing.version = version;
  notify(tenant, thing);
}

void Registry::update(TenantId tenant, std::string name, ThingUpdate update, ThingDone done,
                      std::vector<store::Change> together) {
  get(tenant, name,
      [this, tenant, update = std::move(update), together = std::move(together),
       done = std::move(done)](Result<Thing> found) mutable {
        if (!found) return done(std::move(found));
        if (update.expected_version && *update.expected_version != found->version) {
          return done(
              fail(Errc::conflict, "the thing has version " + std::to_string(found->version) + " now"));
        }
        apply(update, *found);
        const std::uint64_t version = found->version;
        store(tenant, *std::move(found), version, std::move(together), std::move(done));
      });
}

void Registry::remove(ThingRemoval removal, std::move_only_function<void(Result<void>)> done) {
  const std::string name = removal.thing;
  const TenantId tenant = removal.tenant;
  get(tenant, name,
      [this, tenant, removal = std::move(removal), done = std::move(done)](Result<Thing> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        if (found->life.wipe == Life::Wipe::due)
          return done(fail(Errc::conflict, "the thing is being wiped: try again in a moment"));
        if (!planner_) return remove_with(tenant, *std::move(found), {}, std::move(done));
        planner_(std::move(removal), [this, tenant, thing = *std::move(found),
                                      done = std::move(done)](Result<RemovalCompanion> companion) mutable {
          if (!companion) return done(std::unexpected(companion.error()));
          remove_with(tenant, std::move(thing), *std::move(companion), std::move(done));
        });
      });
}

void Registry::remove_with(TenantId tenant, Thing thing, RemovalCompanion companion,
                           std::move_only_function<void(Result<void>)> done) {
  store::Change change;
  change.action = store::Change::Action::remove;
  change.kind = kThing;
  change.tenant = tenant.value;
  change.document.id = thing.name;
  change.expected_version = thing.version;
  std::vector<store::Change> changes = std::move(companion.changes);
  changes.push_back(std::move(change));
  repository_.write(executor_, std::move(changes),
                    [this, tenant, thing = std::move(thing), stored = std::move(companion.stored),
                     done = std::move(done)](auto written) mutable {
                      if (!written) return done(std::unexpected(written.error()));
                      if (stored) stored();
                      known_.erase(known_key(tenant, thing.name));
                      if (thing.life.quarantine) in_quarantine_.add(-1);
                      thing.version = 0;
                      notify(tenant, thing);
                      done({});
                    });
}

void Registry::list(ThingQuery query, std::move_only_function<void(Result<std::vector<Thing>>)> done) {
  store::Query find;
  find.kind = kThing;
  find.tenant = query.tenant.value;
  find.id_prefix = std::move(query.name_prefix);
  find.after_id = std::move(query.after);
  find.limit = query.limit;
  if (!query.type.empty()) find.equals.emplace_back("type", std::move(query.type));
  if (!query.gateway.empty()) find.equals.emplace_back("gateway", std::move(query.gateway));
  if (query.standings == ThingQuery::Standings::unusual) find.equals.emplace_back(kStandingIndex, kUnusual);
  repository_.find(executor_, std::move(find),
                   [done = std::move(done)](Result<std::vector<store::Document>> found) mutable {
                     if (!found) return done(std::unexpected(found.error()));
                     std::vector<Thing> things;
                     for (const store::Document& document : *found) {
                       auto thing = thing_of(document);
                       if (!thing) return done(std::unexpected(thing.error()));
                       things.push_back(*std::move(thing));
                     }
                     done(std::move(things));
                   });
}

void Registry::ensure(TenantId tenant, const model::TopicFacts& facts, std::string_view gateway) {
  std::string key = known_key(tenant, facts.device);
  if (!awaited_.empty() && awaited_.erase(key) > 0)
    return go_on_to(Lifecycle::operation, tenant, facts.device, "its first message", [](const auto&) {});
  if (options_.first_message == RegistryOptions::FirstMessage::ignored) return;
  if (known_.contains(key) || creating_.contains(key)) return;
  if (creating_.size() >= kMaxPendingCreations) return refused_.add();
  Thing thing;
  thing.name = facts.device;
  // What a gateway measures itself goes through no gateway.
  if (gateway != facts.device) thing.gateway = gateway;
  for (const auto& [name, value] : facts.attributes) {
    if (name == "device_type") {
      thing.type = value;
    } else {
      thing.attributes[name] = value;
    }
  }
  thing.life.events = {{LifeEvent::Kind::moved, Lifecycle::provisioning, Lifecycle::operation,
                        executor_.wall_now(), "system", "made by its first message"}};
  creating_.insert(key);
  create(tenant, std::move(thing), [this, key](Result<Thing> made) {
    creating_.erase(key);
    if (!made && made.error().code != Errc::already_exists) {
      refused_.add();
      log::refusal("service/registry", "cannot make a thing for an unknown device", key,
                   {{"why", made.error().message}});
      return;
    }
    if (known_.size() >= kMaxKnownNames) known_.clear();
    known_.insert(key);
  });
}

}  // namespace dunlin::registry
