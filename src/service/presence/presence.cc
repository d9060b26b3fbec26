#include "service/presence/presence.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/log.h"
#include "base/time_text.h"
#include "model/json_fields.h"
#include "model/keys.h"
#include "model/mapping.h"
#include "model/text.h"
#include "store/keyed_scan.h"

namespace dunlin::presence {
namespace {

constexpr std::string_view kPrefix = "$dunlin/things/";
constexpr std::string_view kSuffix = "/presence";

std::string stored_form(const Presence& presence) {
  return boost::json::serialize(boost::json::value{{"online", presence.state == Presence::State::online},
                                                   {"reason", presence.reason},
                                                   {"gateway", presence.gateway},
                                                   {"changed_at", unix_nanoseconds(presence.changed_at)},
                                                   {"last_seen", unix_nanoseconds(presence.last_seen)}});
}

/// As it was when it was stored.
Presence from_stored(std::string_view thing, std::string_view text) {
  Presence presence;
  presence.thing = thing;
  boost::system::error_code error;
  const boost::json::value document = boost::json::parse(text, error);
  if (error || !document.is_object()) return presence;
  const auto& object = document.get_object();
  if (model::optional_boolean(object, "online").value_or(false)) presence.state = Presence::State::online;
  presence.reason = model::optional_text(object, "reason").value_or("");
  presence.gateway = model::optional_text(object, "gateway").value_or("");
  presence.changed_at = from_unix_nanoseconds(model::optional_integer(object, "changed_at").value_or(0));
  presence.last_seen = from_unix_nanoseconds(model::optional_integer(object, "last_seen").value_or(0));
  return presence;
}

TenantId tenant_of_key(std::string_view key) {
  return TenantId{model::read_big_endian_32(key.substr(0, 4))};
}

}  // namespace

PresenceService::PresenceService(Executor& executor, hub::Bus& bus, store::Keyed& keyed,
                                 metrics::Registry& metrics)
    : executor_(executor),
      bus_(bus),
      keyed_(keyed),
      online_(metrics.gauge("dunlin_presence_things_online", "Things that are online")),
      changes_(metrics.counter("dunlin_presence_changes_total", "Changes between online and offline")),
      refused_(
          metrics.counter("dunlin_presence_things_refused_total", "Things not followed: over the limit")) {}

PresenceService::~PresenceService() {
  executor_.cancel(save_timer_);
}

void PresenceService::start(std::move_only_function<void(Result<void>)> started) {
  started_at_ = executor_.wall_now();
  load(std::move(started));
}

/// Nothing that was online before the restart is known to be online now.
void PresenceService::restore(const std::string& key, std::string_view stored) {
  Tracked& tracked = things_[key];
  if (!tracked.presence.thing.empty()) return;
  tracked.presence = from_stored(std::string_view(key).substr(4), stored);
  if (tracked.presence.state == Presence::State::offline) return;
  tracked.presence.state = Presence::State::offline;
  tracked.presence.reason = kServerRestart;
  tracked.presence.changed_at = started_at_;
  unsaved_.insert(key);
}

void PresenceService::load(std::move_only_function<void(Result<void>)> started) {
  auto each = [this](const store::Entry& entry) -> Result<void> {
    if (entry.key.size() > 4) restore(entry.key, entry.value);
    return {};
  };
  store::for_each_entry(executor_, keyed_, store::Table::presence, {}, std::move(each),
                        [this, started = std::move(started)](Result<void> loaded) mutable {
                          if (!loaded) return started(std::move(loaded));
                          follow();
                          if (!unsaved_.empty()) save_later();
                          started({});
                        });
}

void PresenceService::follow() {
  bus_.on_session_event(executor_, [this](const hub::SessionEvent& event) { on_session(event); });
  hub::ConsumerOptions options;
  options.name = "presence";
  options.filters = {std::string(kPrefix) + "+" + std::string(kSuffix)};
  consumer_ =
      bus_.consume(executor_, std::move(options), [this](std::vector<hub::Delivery> batch, Task done) {
        for (const hub::Delivery& delivery : batch) {
          on_word_of_gateway(delivery.message);
          // What a gateway said before a restart is stale after it (is_stale), so no position is kept with
          // the results.
          if (delivery.at.position != 0 && consumer_) consumer_->commit(delivery.at);
        }
        done();
      });
}

PresenceService::Tracked* PresenceService::track(TenantId tenant, const std::string& thing) {
  if (thing.empty() || thing.size() > model::kMaxChannelBytes) {
    refused_.add();
    return nullptr;
  }
  std::string key = model::tenant_key(tenant, thing);
  if (const auto found = things_.find(key); found != things_.end()) return &found->second;
  if (things_.size() >= kMaxThings) {
    refused_.add();
    return nullptr;
  }
  Tracked& tracked = things_[std::move(key)];
  tracked.presence.thing = thing;
  return &tracked;
}

void PresenceService::route(TenantId tenant, Tracked& tracked, const std::string& gateway) {
  if (tracked.presence.gateway == gateway) return;
  tracked.presence.gateway = gateway;
  for (const auto& handler : route_handlers_) handler(tenant, tracked.presence);
}

void PresenceService::change(TenantId tenant, Tracked& tracked, Presence::State state, std::string reason,
                             WallTime at) {
  Presence& presence = tracked.presence;
  if (presence.state == state) return;
  presence.state = state;
  presence.reason = std::move(reason);
  presence.changed_at = at;
  if (state == Presence::State::online) {
    ++online_count_;
  } else {
    --online_count_;
  }
  online_.set(static_cast<std::int64_t>(online_count_));
  changes_.add();
  touch(tenant, tracked, state == Presence::State::online ? at : presence.last_seen);
  for (const auto& handler : handlers_) handler(tenant, presence);
}

void PresenceService::touch(TenantId tenant, Tracked& tracked, WallTime at) {
  tracked.presence.last_seen = std::max(tracked.presence.last_seen, at);
  unsaved_.insert(model::tenant_key(tenant, tracked.presence.thing));
  save_later();
}

void PresenceService::on_session(const hub::SessionEvent& event) {
  const bool speaks_for_a_thing =
      event.principal->kind == PrincipalKind::device || event.principal->kind == PrincipalKind::gateway;
  if (!speaks_for_a_thing) return;
  const TenantId tenant = event.principal->tenant;
  Tracked* tracked = track(tenant, event.principal->name);
  if (tracked == nullptr) return;
  if (event.state == hub::SessionEvent::State::online) {
    ++tracked->sessions;
    route(tenant, *tracked, {});
    touch(tenant, *tracked, event.at);
    change(tenant, *tracked, Presence::State::online, event.reason, event.at);
    return;
  }
  if (tracked->sessions > 0) --tracked->sessions;
  if (tracked->sessions > 0) return;
  change(tenant, *tracked, Presence::State::offline, event.reason, event.at);
  if (event.principal->kind == PrincipalKind::gateway) gateway_lost(tenant, event.principal->name, event.at);
}

void PresenceService::gateway_lost(TenantId tenant, const std::string& gateway, WallTime at) {
  std::vector<Tracked*> behind;  // told afterwards: a handler may come back with a new thing
  for (auto& [key, tracked] : things_) {
    if (tracked.presence.gateway == gateway && tenant_of_key(key) == tenant) behind.push_back(&tracked);
  }
  for (Tracked* tracked : behind) change(tenant, *tracked, Presence::State::offline, "gateway_offline", at);
}

/// Words that waited: from before this start, or from before their gateway went away.
bool PresenceService::is_stale(const hub::Message& message) const {
  if (message.received_at < started_at_) return true;
  const auto gateway = things_.find(model::tenant_key(message.principal->tenant, message.principal->name));
  if (gateway == things_.end() || gateway->second.presence.state == Presence::State::online) return false;
  return message.received_at <= gateway->second.presence.changed_at;
}

void PresenceService::on_word_of_gateway(const hub::Message& message) {
  const std::string_view topic = message.topic.text();
  if (!message.principal || topic.size() <= kPrefix.size() + kSuffix.size()) return;
  const std::string thing(topic.substr(kPrefix.size(), topic.size() - kPrefix.size() - kSuffix.size()));
  // Sessions say more of a thing than its own words.
  if (thing == message.principal->name || is_stale(message)) return;
  boost::system::error_code error = boost::json::error::size_mismatch;
  boost::json::value word;
  if (message.payload.size() <= kMaxWordBytes) word = boost::json::parse(message.payload.text(), error);
  const auto online =
      !error && word.is_object() ? model::optional_boolean(word.get_object(), "online") : std::nullopt;
  if (!online) {
    log::refusal("service/presence", "a presence message is not {\"online\": true or false}",
                 message.principal->name);
    return;
  }
  Tracked* tracked = track(message.principal->tenant, thing);
  if (tracked == nullptr || tracked->sessions > 0) return;
  route(message.principal->tenant, *tracked, message.principal->name);
  touch(message.principal->tenant, *tracked, *online ? message.received_at : WallTime{});
  const auto state = *online ? Presence::State::online : Presence::State::offline;
  std::string reason =
      model::optional_text(word.get_object(), "reason").value_or(*online ? "connected" : "disconnected");
  change(message.principal->tenant, *tracked, state, std::string(model::cut_text(reason, kMaxReasonBytes)),
         message.received_at);
}

void PresenceService::saw(TenantId tenant, const std::string& device, const std::string& gateway,
                          WallTime at) {
  Tracked* tracked = track(tenant, device);
  if (tracked == nullptr) return;
  touch(tenant, *tracked, at);
  if (gateway.empty() || gateway == device || tracked->sessions > 0) return;
  route(tenant, *tracked, gateway);
  // A sample that waited in a gateway says nothing about now: only the gateway's own word brings a thing
  // online.
}

std::optional<Presence> PresenceService::find(TenantId tenant, const std::string& thing) const {
  const auto found = things_.find(model::tenant_key(tenant, thing));
  if (found == things_.end()) return std::nullopt;
  return found->second.presence;
}

void PresenceService::save_later() {
  if (save_timer_) return;
  save_timer_ = executor_.schedule(kSaveInterval, [this] {
    save_timer_ = {};
    flush([](Result<void> saved) {
      if (!saved) log::warning("service/presence", "presence is not saved", {{"why", saved.error().message}});
    });
  });
}

void PresenceService::flush(std::move_only_function<void(Result<void>)> done) {
  store::Batch batch;
  while (!unsaved_.empty() && batch.puts.size() < kMaxSavedPerBatch) {
    auto node = unsaved_.extract(unsaved_.begin());
    const auto found = things_.find(node.value());
    if (found != things_.end())
      batch.puts.push_back({store::Table::presence, found->first, stored_form(found->second.presence)});
  }
  if (batch.empty()) return done({});
  std::vector<std::string> keys;
  for (const store::Put& put : batch.puts) keys.push_back(put.key);
  keyed_.write(executor_, std::move(batch),
               [this, keys = std::move(keys), done = std::move(done)](Result<void> written) mutable {
                 if (!written) {
                   unsaved_.insert(keys.begin(), keys.end());
                   save_later();
                 }
                 if (!written || unsaved_.empty()) return done(std::move(written));
                 flush(std::move(done));
               });
}

}  // namespace dunlin::presence
