#include "transport/bridge/bridges.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/hex.h"
#include "base/log.h"
#include "model/keys.h"
#include "security/records.h"
#include "transport/bridge/limits.h"
#include "transport/bridge/probe.h"

namespace dunlin::bridge {
namespace {

constexpr std::string_view kNodeKey = "bridge/node";
/// Documents of kind setting.
constexpr std::string_view kDocumentPrefix = "bridge/";
constexpr std::size_t kNodeBytes = 6;

Error no_such(const std::string& name) {
  return {Errc::not_found, "there is no bridge named \"" + name + "\""};
}

}  // namespace

Bridges::Bridges(BridgesEnvironment environment, std::vector<BridgeSettings> configured)
    : environment_(std::move(environment)),
      count_(environment_.bridge.metrics.gauge("dunlin_bridge_bridges", "Bridges, paused ones too")) {
  for (BridgeSettings& settings : configured) {
    Managed managed;
    managed.settings = std::move(settings);
    bridges_.emplace(managed.settings.name, std::move(managed));
  }
}

Bridges::~Bridges() {
  for (auto& [name, managed] : bridges_) environment_.bridge.executor.cancel(managed.alarm_timer);
}

// ---- the start ----

void Bridges::start(Done started) {
  read_node([this, started = std::move(started)](Result<void> read) mutable {
    if (!read) return started(std::move(read));
    read_documents([this, started = std::move(started)](Result<void> documents) mutable {
      if (!documents) return started(std::move(documents));
      forget_left_over([this, started = std::move(started)](Result<void> forgotten) mutable {
        if (!forgotten) return started(std::move(forgotten));
        for (auto& [name, managed] : bridges_) {
          if (!managed.paused) run(managed);
        }
        count_.set(static_cast<std::int64_t>(bridges_.size()));
        started({});
      });
    });
  });
}

/// This server's id in the marks of origin: drawn once, kept for ever.
void Bridges::read_node(Done started) {
  const BridgeEnvironment& parts = environment_.bridge;
  parts.keyed.get(parts.executor, store::Table::meta, std::string(kNodeKey),
                  [this, started = std::move(started)](Result<std::optional<std::string>> found) mutable {
                    if (!found) return started(std::unexpected(found.error()));
                    if (*found) {
                      node_ = **found;
                      return started({});
                    }
                    std::array<std::uint8_t, kNodeBytes> random{};
                    environment_.bridge.rng.fill(random);
                    node_ = to_hex(random);
                    store::Batch batch;
                    batch.puts.push_back({store::Table::meta, std::string(kNodeKey), node_});
                    environment_.bridge.keyed.write(environment_.bridge.executor, std::move(batch),
                                                    std::move(started));
                  });
}

void Bridges::read_documents(Done started) {
  store::Query query;
  query.kind = store::DocumentKind::setting;
  query.tenant = kDefaultTenant.value;
  query.id_prefix = kDocumentPrefix;
  query.limit = 2 * kMaxBridges;
  environment_.repository.find(
      environment_.bridge.executor, std::move(query),
      [this, started = std::move(started)](Result<std::vector<store::Document>> found) mutable {
        if (!found) return started(std::unexpected(found.error()));
        for (const store::Document& document : *found) take_document(document);
        started({});
      });
}

/// {"paused", "settings"}; without settings: of a bridge of the configuration.
void Bridges::take_document(const store::Document& document) {
  const std::string name = document.id.substr(kDocumentPrefix.size());
  boost::system::error_code error;
  const auto body = boost::json::parse(document.body, error);
  const auto* object = error ? nullptr : body.if_object();
  const auto* paused = object == nullptr ? nullptr : object->if_contains("paused");
  const bool is_paused = paused != nullptr && paused->is_bool() && paused->get_bool();
  if (const auto known = bridges_.find(name); known != bridges_.end()) {
    known->second.paused = is_paused;
    return;
  }
  const auto* stored = object == nullptr ? nullptr : object->if_contains("settings");
  if (stored == nullptr) return;  // paused once, and no longer in the configuration
  auto settings = stored->is_object() ? settings_from_json(stored->get_object())
                                      : Result<BridgeSettings>(fail(Errc::corrupt, "not an object"));
  if (!settings) {
    log::error("transport/bridge", "a stored bridge cannot be read and does not run",
               {{"bridge", name}, {"why", settings.error().message}});
    return;
  }
  Managed managed;
  managed.settings = *std::move(settings);
  managed.source = Source::api;
  managed.paused = is_paused;
  bridges_.emplace(name, std::move(managed));
}

/// Of bridges that have gone from the configuration: otherwise the journal would keep everything for them.
void Bridges::forget_left_over(Done started) {
  const BridgeEnvironment& parts = environment_.bridge;
  const std::string prefix(kOutKeyPrefix);
  parts.keyed.range(
      parts.executor, store::Table::meta, {.begin = prefix, .end = model::prefix_end(prefix)},
      [this, prefix, started = std::move(started)](Result<std::vector<store::Entry>> rows) mutable {
        if (!rows) return started(std::unexpected(rows.error()));
        const BridgeEnvironment& env = environment_.bridge;
        for (const store::Entry& row : *rows) {
          const std::string name = row.key.substr(prefix.size());
          if (bridges_.contains(name)) continue;
          log::info("transport/bridge", "a bridge that is not configured any more is forgotten",
                    {{"bridge", name}});
          forget_out_queue({env.executor, env.hub, env.keyed, env.metrics}, name, [](const Result<void>&) {});
        }
        started({});
      });
}

void Bridges::run(Managed& managed) {
  const std::string name = managed.settings.name;
  managed.bridge = std::make_unique<Bridge>(environment_.bridge, managed.settings, managed.source, node_);
  managed.bridge->on_change([this, name](Bridge::State state) { changed(name, state); });
  managed.bridge->start();
}

void Bridges::stop(Done stopped) {
  auto left = std::make_shared<std::size_t>(1);  // shared: by the bridges' answers
  auto all = std::make_shared<Done>(std::move(stopped));
  const auto one_less = [left, all](const Result<void>&) {
    if (--*left == 0) (*all)({});
  };
  for (auto& [name, managed] : bridges_) {
    environment_.bridge.executor.cancel(std::exchange(managed.alarm_timer, TimerId{}));
    if (!managed.bridge) continue;
    ++*left;
    managed.bridge->on_change({});
    managed.bridge->stop(one_less);
  }
  one_less({});
}

// ---- changes ----

store::Change Bridges::change_of(const Managed& managed) const {
  boost::json::object body{{"paused", managed.paused}};
  if (managed.source == Source::api) body["settings"] = to_json(managed.settings);
  store::Change change;
  change.kind = store::DocumentKind::setting;
  change.tenant = kDefaultTenant.value;
  change.document.id = std::string(kDocumentPrefix) + managed.settings.name;
  change.document.body = boost::json::serialize(body);
  return change;
}

/// The change and its audit record are one write.
void Bridges::write(std::vector<store::Change> changes, const security::Actor& actor,
                    const std::string& action, const std::string& name, Done done) {
  changes.push_back(security::audit_change(kDefaultTenant, environment_.bridge.executor.wall_now(),
                                           {.actor = actor, .action = action, .object = name}));
  environment_.repository.write(environment_.bridge.executor, std::move(changes),
                                [done = std::move(done)](Result<std::vector<std::uint64_t>> written) mutable {
                                  if (!written) return done(std::unexpected(written.error()));
                                  done({});
                                });
}

void Bridges::add(const boost::json::object& document, const security::Actor& actor, BridgeDone done) {
  auto settings = settings_from_json(document);
  if (!settings) return done(std::unexpected(settings.error()));
  if (auto files = check_files(*settings, Source::api); !files) return done(std::unexpected(files.error()));
  const std::string name = settings->name;
  if (bridges_.contains(name))
    return done(fail(Errc::conflict, "there is a bridge named \"" + name + "\" already"));
  if (bridges_.size() >= kMaxBridges)
    return done(fail(Errc::limit_exceeded, "there are " + std::to_string(kMaxBridges) + " bridges already"));
  // The name is taken from here on.
  Managed& managed = bridges_[name];
  managed.settings = *std::move(settings);
  managed.source = Source::api;
  write({change_of(managed)}, actor, "bridge.add", name,
        [this, name, done = std::move(done)](Result<void> written) mutable {
          const auto found = bridges_.find(name);
          if (found == bridges_.end()) return done(std::unexpected(no_such(name)));
          if (!written) {
            bridges_.erase(found);
            return done(std::unexpected(written.error()));
          }
          count_.set(static_cast<std::int64_t>(bridges_.size()));
          run(found->second);
          done(describe(found->second));
        });
}

void Bridges::update(const std::string& name, const boost::json::object& changes,
                     const security::Actor& actor, BridgeDone done) {
  const auto found = bridges_.find(name);
  if (found == bridges_.end()) return done(std::unexpected(no_such(name)));
  Managed& managed = found->second;
  if (managed.source == Source::configuration)
    return done(
        fail(Errc::conflict, "the bridge \"" + name + "\" is in the configuration file: change it there"));
  boost::json::object wish = to_json(managed.settings);
  for (const auto& [key, value] : changes) wish[key] = value;
  auto settings = settings_from_json(wish);
  if (!settings) return done(std::unexpected(settings.error()));
  if (auto files = check_files(*settings, Source::api); !files) return done(std::unexpected(files.error()));
  BridgeSettings before = std::exchange(managed.settings, *std::move(settings));
  write({change_of(managed)}, actor, "bridge.update", name,
        [this, name, before = std::move(before), done = std::move(done)](Result<void> written) mutable {
          const auto known = bridges_.find(name);
          if (known == bridges_.end()) return done(std::unexpected(no_such(name)));
          if (!written) {
            known->second.settings = std::move(before);
            return done(std::unexpected(written.error()));
          }
          restart(name, std::move(done));
        });
}

/// With the settings that are there when the old connection has ended.
void Bridges::restart(const std::string& name, BridgeDone done) {
  retire(name, [this, name, done = std::move(done)](const Result<void>&) mutable {
    const auto known = bridges_.find(name);
    if (known == bridges_.end()) return done(std::unexpected(no_such(name)));
    Managed& managed = known->second;
    if (!managed.paused && managed.bridge == nullptr) run(managed);
    done(describe(managed));
  });
}

void Bridges::remove(const std::string& name, const security::Actor& actor, BridgeDone done) {
  const auto found = bridges_.find(name);
  if (found == bridges_.end()) return done(std::unexpected(no_such(name)));
  if (found->second.source == Source::configuration)
    return done(fail(Errc::conflict, "the bridge \"" + name +
                                         "\" is in the configuration file: remove it there, or pause it"));
  store::Change change;
  change.action = store::Change::Action::remove;
  change.kind = store::DocumentKind::setting;
  change.tenant = kDefaultTenant.value;
  change.document.id = std::string(kDocumentPrefix) + name;
  write({std::move(change)}, actor, "bridge.remove", name,
        [this, name, done = std::move(done)](Result<void> written) mutable {
          if (!written) return done(std::unexpected(written.error()));
          const auto known = bridges_.find(name);
          if (known == bridges_.end()) return done(std::unexpected(no_such(name)));
          tell_alarm(name, alarm::Finding::Kind::clear, "the bridge was removed");
          environment_.bridge.executor.cancel(known->second.alarm_timer);
          // Shared: with the completion, which must not destroy it from inside itself.
          std::shared_ptr<Bridge> gone = std::move(known->second.bridge);
          bridges_.erase(known);
          count_.set(static_cast<std::int64_t>(bridges_.size()));
          Executor& executor = environment_.bridge.executor;
          if (gone == nullptr) {
            const BridgeEnvironment& env = environment_.bridge;
            forget_out_queue({env.executor, env.hub, env.keyed, env.metrics}, name,
                             [](const Result<void>&) {});
            return done(boost::json::object{});
          }
          gone->on_change({});
          Bridge& bridge = *gone;
          bridge.remove(
              [gone = std::move(gone), &executor, done = std::move(done)](Result<void> removed) mutable {
                executor.post([gone = std::move(gone)] {});
                if (!removed) return done(std::unexpected(removed.error()));
                done(boost::json::object{});
              });
        });
}

void Bridges::retire(const std::string& name, Done retired) {
  Managed& managed = bridges_.at(name);
  environment_.bridge.executor.cancel(std::exchange(managed.alarm_timer, TimerId{}));
  std::shared_ptr<Bridge> gone = std::move(managed.bridge);  // shared: as in remove()
  if (gone == nullptr) return retired({});
  gone->on_change({});
  Bridge& bridge = *gone;
  bridge.stop([gone = std::move(gone), &executor = environment_.bridge.executor,
               retired = std::move(retired)](Result<void> stopped) mutable {
    executor.post(
        [gone = std::move(gone), retired = std::move(retired), stopped = std::move(stopped)]() mutable {
          gone.reset();
          retired(std::move(stopped));
        });
  });
}

void Bridges::change(const std::string& name, Wish wish, const security::Actor& actor, BridgeDone done) {
  const auto found = bridges_.find(name);
  if (found == bridges_.end()) return done(std::unexpected(no_such(name)));
  Managed& managed = found->second;
  managed.paused = wish == Wish::pause;
  write({change_of(managed)}, actor, wish == Wish::pause ? "bridge.pause" : "bridge.resume", name,
        [this, name, wish, done = std::move(done)](Result<void> written) mutable {
          const auto known = bridges_.find(name);
          if (known == bridges_.end()) return done(std::unexpected(no_such(name)));
          if (!written) return done(std::unexpected(written.error()));
          if (wish == Wish::resume) {
            if (known->second.bridge == nullptr) run(known->second);
            return done(describe(known->second));
          }
          retire(name, [this, name, done = std::move(done)](const Result<void>&) mutable {
            const auto paused = bridges_.find(name);
            if (paused == bridges_.end()) return done(std::unexpected(no_such(name)));
            tell_alarm(name, alarm::Finding::Kind::clear, "the bridge was paused");
            done(describe(paused->second));
          });
        });
}

void Bridges::test(const std::string& name, BridgeDone done) {
  const auto found = bridges_.find(name);
  if (found == bridges_.end()) return done(std::unexpected(no_such(name)));
  probe(environment_.bridge, found->second.settings, found->second.source, node_,
        [done = std::move(done)](boost::json::object report) mutable { done(std::move(report)); });
}

// ---- what is seen ----

std::size_t Bridges::connected() const {
  return static_cast<std::size_t>(std::ranges::count_if(bridges_, [](const auto& item) {
    return item.second.bridge && item.second.bridge->state() == Bridge::State::connected;
  }));
}

const Bridge* Bridges::find(const std::string& name) const {
  const auto found = bridges_.find(name);
  return found == bridges_.end() ? nullptr : found->second.bridge.get();
}

void Bridges::changed(const std::string& name, Bridge::State state) {
  Managed& managed = bridges_.at(name);
  Executor& executor = environment_.bridge.executor;
  if (state == Bridge::State::connected) {
    executor.cancel(std::exchange(managed.alarm_timer, TimerId{}));
    return tell_alarm(name, alarm::Finding::Kind::clear, "the bridge is connected");
  }
  if (managed.alarm_timer || managed.settings.alarm_after <= Duration::zero()) return;
  managed.alarm_timer = executor.schedule(managed.settings.alarm_after, [this, name] {
    Managed& down = bridges_.at(name);
    down.alarm_timer = {};
    const std::string why = down.bridge ? down.bridge->last_error() : std::string{};
    tell_alarm(name, alarm::Finding::Kind::raise,
               "the bridge to " + down.settings.address + " is down: " + why);
  });
}

void Bridges::tell_alarm(const std::string& name, alarm::Finding::Kind kind, const std::string& text) {
  alarm::Finding finding;
  finding.tenant = kDefaultTenant;
  finding.name = "bridge_down";
  finding.thing = name;
  finding.rule = "bridge";
  finding.severity = alarm::Severity::major;
  finding.message = text;
  finding.at = environment_.bridge.executor.wall_now();
  finding.kind = kind;
  finding.source = alarm::Source::service;
  environment_.alarms.report(std::move(finding), [](const Result<void>& written) {
    if (!written)
      log::error("transport/bridge", "an alarm is not stored", {{"why", written.error().message}});
  });
}

}  // namespace dunlin::bridge
