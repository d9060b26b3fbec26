#include "service/behaviour/behaviour_service.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/log.h"
#include "model/cursors.h"
#include "model/keys.h"
#include "service/behaviour/settings.h"
#include "service/settings/settings.h"

namespace dunlin::behaviour {
namespace {

constexpr auto kWindowSeconds = static_cast<std::uint64_t>(kWindow / std::chrono::seconds{1});
constexpr auto kLooks = static_cast<std::uint64_t>(kWindow / hub::kConductLook);
/// What stays below this part of a limit in one look is not told of: most things, nearly always.
constexpr std::uint64_t kUntoldPart = 4;

template <class Number>
void store_floor(std::atomic<Number>& floor, std::optional<std::uint64_t> value) {
  constexpr std::uint64_t kMost = std::numeric_limits<Number>::max();
  floor.store(static_cast<Number>(std::min(value.value_or(kMost), kMost)), std::memory_order_relaxed);
}

/// "1200 messages_per_second where 100 is the limit", or nothing.
std::string excess(const Thresholds& thresholds, Measure measure, std::uint64_t found) {
  const auto limit = thresholds.limits.find(measure);
  if (limit == thresholds.limits.end() || limit->second == 0 || found <= limit->second) return {};
  return std::string(measure_name(measure)) + " " + std::to_string(found) + ", the limit is " +
         std::to_string(limit->second);
}

}  // namespace

BehaviourService::BehaviourService(BehaviourEnvironment environment)
    : environment_(environment),
      retry_(environment.executor, environment.metrics, kConsumer),
      odd_(environment.metrics.counter("dunlin_behaviour_findings_total", "Things found past a limit")),
      tampers_(environment.metrics.counter("dunlin_behaviour_tampers_total", "Tamper events of things")),
      quarantines_(environment.metrics.counter("dunlin_behaviour_quarantines_total",
                                               "Things put in quarantine by the watch")),
      untold_(environment.metrics.counter("dunlin_behaviour_untold_total",
                                          "Things not watched: too many at once")) {
  environment_.watch.report = [this](std::vector<hub::ConductReport> reports) {
    environment_.executor.post([this, reports = std::move(reports)] { take(reports); });
  };
  environment_.bus.on_session_event(environment_.executor,
                                    [this](const hub::SessionEvent& event) { on_session(event); });
  environment_.registry.on_change([this](TenantId tenant, const registry::Thing& thing) {
    types_.erase(model::tenant_key(tenant, thing.name));
  });
  // Somebody has looked at it: what comes from now on is a new story.
  environment_.registry.on_step([this](const registry::LifeNotice& notice) {
    if (notice.event.kind != registry::LifeEvent::Kind::released) return;
    for (const std::string_view name : {kOddAlarm, kTamperAlarm}) {
      alarm::Finding over;
      over.tenant = notice.tenant;
      over.name = name;
      over.thing = notice.thing.name;
      over.rule = kConsumer;
      over.at = environment_.executor.wall_now();
      over.kind = alarm::Finding::Kind::clear;
      report(std::move(over), [] {});
    }
  });
}

BehaviourService::~BehaviourService() {
  environment_.executor.cancel(window_);
}

void BehaviourService::start(std::move_only_function<void(Result<void>)> started) {
  load([this, started = std::move(started)](Result<void> loaded) mutable {
    if (!loaded) return started(std::move(loaded));
    set_floor();
    begin_window();
    model::read_cursors(environment_.executor, environment_.keyed, kConsumer,
                        [this, started = std::move(started)](auto positions) mutable {
                          if (!positions) return started(std::unexpected(positions.error()));
                          consume(*std::move(positions));
                          started({});
                        });
  });
}

void BehaviourService::load(std::move_only_function<void(Result<void>)> loaded) {
  auto each = [this](const store::Document& document) -> Result<void> {
    DUNLIN_TRY(Thresholds thresholds, stored_thresholds(document));
    return table_.put(document.id.substr(kSettingPrefix.size()), std::move(thresholds));
  };
  settings::for_each(environment_.executor, environment_.repository, kDefaultTenant,
                     std::string(kSettingPrefix), std::move(each), std::move(loaded));
}

void BehaviourService::set_floor() {
  const auto part = [this](Measure measure, std::uint64_t times, std::uint64_t by) {
    const auto lowest = table_.lowest(measure);
    return lowest ? std::optional(std::max<std::uint64_t>(*lowest * times / by, 1)) : std::nullopt;
  };
  hub::ConductFloor& floor = environment_.watch.floor;
  store_floor(floor.messages, part(Measure::messages_per_second, kWindowSeconds, kLooks * kUntoldPart));
  store_floor(floor.bytes, part(Measure::bytes_per_second, kWindowSeconds, kLooks * kUntoldPart));
  store_floor(floor.refusals, part(Measure::refusals, 1, kLooks * kUntoldPart));
  store_floor(floor.largest, part(Measure::message_bytes, 1, 1));
}

void BehaviourService::begin_window() {
  before_ = std::exchange(tallies_, {});
  window_ = environment_.executor.schedule(kWindow, [this] { begin_window(); });
}

BehaviourService::Tally* BehaviourService::tally_of(TenantId tenant, const std::string& thing) {
  std::string key = model::tenant_key(tenant, thing);
  if (const auto found = tallies_.find(key); found != tallies_.end()) return &found->second;
  if (tallies_.size() >= kMaxTallies) {
    untold_.add();
    return nullptr;
  }
  return &tallies_[std::move(key)];
}

void BehaviourService::take(const std::vector<hub::ConductReport>& reports) {
  for (const hub::ConductReport& told : reports) {
    Tally* tally = tally_of(told.tenant, told.thing);
    if (tally == nullptr) continue;
    tally->did.messages += told.did.messages;
    tally->did.bytes += told.did.bytes;
    tally->did.refusals += told.did.refusals;
    tally->did.largest = std::max(tally->did.largest, told.did.largest);
    judge(told.tenant, told.thing, *tally);
  }
}

void BehaviourService::on_session(const hub::SessionEvent& event) {
  const bool begins = event.state == hub::SessionEvent::State::online && event.principal->is_thing();
  if (!begins) return;
  Tally* tally = tally_of(event.principal->tenant, event.principal->name);
  if (tally == nullptr) return;
  ++tally->connects;
  const auto lowest = table_.lowest(Measure::connects);
  if (lowest && tally->connects > *lowest) judge(event.principal->tenant, event.principal->name, *tally);
}

std::uint64_t BehaviourService::measured(const Tally& tally, Measure measure) {
  switch (measure) {
    case Measure::messages_per_second:
      return tally.did.messages / kWindowSeconds;
    case Measure::bytes_per_second:
      return tally.did.bytes / kWindowSeconds;
    case Measure::message_bytes:
      return tally.did.largest;
    case Measure::refusals:
      return tally.did.refusals;
    case Measure::connects:
      return tally.connects;
  }
  return 0;
}

/// The first limit that is passed, in words; empty: none is.
std::string BehaviourService::excess_of(const Tally& tally, std::string_view type,
                                        std::string_view thing) const {
  const Thresholds thresholds = table_.of(type, thing);
  for (std::size_t i = 0; i < kMeasures; ++i) {
    const auto measure = static_cast<Measure>(i);
    if (std::string why = excess(thresholds, measure, measured(tally, measure)); !why.empty()) return why;
  }
  return {};
}

/// The type decides which limits count. It is remembered, so that a low limit of one thing does not have all
/// others read from the store every second.
void BehaviourService::judge(TenantId tenant, const std::string& thing, Tally& tally) {
  if (tally.judged != Tally::Judged::no) return;
  const auto type = types_.find(model::tenant_key(tenant, thing));
  if (type != types_.end() && excess_of(tally, type->second, thing).empty()) return;
  tally.judged = Tally::Judged::under_way;
  environment_.registry.get(tenant, thing, [this, tenant, tally](Result<registry::Thing> found) {
    judged(tenant, tally, std::move(found));
  });
}

void BehaviourService::judged(TenantId tenant, const Tally& tally, Result<registry::Thing> thing) {
  if (!thing) return;
  std::string key = model::tenant_key(tenant, thing->name);
  const auto present = tallies_.find(key);
  const auto is_judged = [&](Tally::Judged verdict) {
    if (present != tallies_.end()) present->second.judged = verdict;
  };
  if (types_.size() >= kMaxTallies) types_.clear();
  types_.insert_or_assign(std::move(key), thing->type);
  if (thing->life.quarantine || thing->life.stage == Lifecycle::decommission)
    return is_judged(Tally::Judged::yes);
  const std::string why = excess_of(tally, thing->type, thing->name);
  const Thresholds thresholds = table_.of(thing->type, thing->name);
  if (why.empty()) return is_judged(Tally::Judged::no);
  is_judged(Tally::Judged::yes);
  if (thresholds.response == Response::none) return;
  odd_.add();
  tell(RefusalKind::behaviour, thing->name, why);
  alarm::Finding finding;
  finding.tenant = tenant;
  finding.name = kOddAlarm;
  finding.thing = thing->name;
  finding.rule = kConsumer;
  finding.severity = alarm::Severity::major;
  finding.message = why;
  finding.at = environment_.executor.wall_now();
  report(std::move(finding), [this, tenant, why, name = thing->name, response = *thresholds.response] {
    if (response == Response::quarantine) hold(tenant, name, why, [](const auto&) {});
  });
}

void BehaviourService::tell(RefusalKind kind, std::string_view thing, std::string_view why) const {
  if (environment_.refusals == nullptr) return;
  environment_.refusals->refused(
      {.kind = kind, .device = thing, .reason = why, .identity = Refusal::Identity::proven});
}

/// One that is not stored is told of all the same, and what follows it happens.
void BehaviourService::report(alarm::Finding finding, std::move_only_function<void()> reported) {
  finding.source = alarm::Source::service;
  environment_.alarms.report(
      std::move(finding), [reported = std::move(reported)](const auto& stored) mutable {
        if (!stored)
          log::error("service/behaviour", "an alarm is not stored", {{"why", stored.error().message}});
        reported();
      });
}

void BehaviourService::hold(TenantId tenant, std::string thing, std::string reason,
                            std::move_only_function<void(Result<registry::Thing>)> held) {
  registry::LifeRequest request{.tenant = tenant,
                                .thing = std::move(thing),
                                .kind = registry::LifeEvent::Kind::quarantined,
                                .reason = std::move(reason),
                                .actor = kConsumer};
  environment_.registry.step(std::move(request),
                             [this, held = std::move(held)](Result<registry::Thing> thing_held) mutable {
                               if (thing_held) quarantines_.add();
                               if (!thing_held)
                                 log::warning("service/behaviour", "a thing is not in quarantine",
                                              {{"why", thing_held.error().message}});
                               held(std::move(thing_held));
                             });
}

}  // namespace dunlin::behaviour
