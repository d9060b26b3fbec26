// Shard: what may come in. Publish rates, and what is refused or let go of while memory is short.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "hub/shard.h"

namespace dunlin::hub {
namespace {

bool any_rate(const Limits& limits) {
  return limits.client_messages.is_limited() || limits.client_bytes.is_limited() ||
         limits.tenant_messages.is_limited() || limits.tenant_bytes.is_limited();
}

Duration take(TokenBucket& bucket, const TokenRate& rate, Instant now, double amount) {
  return rate.is_limited() ? bucket.take(rate, now, amount) : Duration::zero();
}

bool is_empty(const TokenBucket& bucket, const TokenRate& rate, Instant now) {
  return rate.is_limited() && bucket.is_empty(rate, now);
}

}  // namespace

void Shard::watch_admission() {
  metered_ = any_rate(limits());
  guarded_ = metered_ || memory_ != MemoryLevel::normal;
}

TenantAllowance& Shard::allowance_of(TenantId tenant) {
  const auto found = allowances_.find(tenant);
  if (found != allowances_.end()) return found->second;
  return allowances_.emplace(tenant, TenantAllowance(setup_.budgets.of(tenant))).first->second;
}

Result<void> Shard::admit(Session& session, const Message& message) {
  // What this program publishes itself has been promised to somebody already.
  if (session.principal()->kind == PrincipalKind::service || session.link_ == nullptr) return {};
  if (memory_ != MemoryLevel::normal) DUNLIN_CHECK(admit_to_memory(session, message));
  return metered_ ? admit_within_rate(session, message) : Result<void>{};
}

Result<void> Shard::admit_to_memory(Session& session, const Message& message) {
  if (message.qos == QoS::at_most_once) return {};
  const bool retains = message.retain == Message::Retain::yes;
  // An empty one takes a retained message away (MQTT 5.0 section 3.3.1.3): it is how a client makes room.
  if (retains && message.payload.empty()) return {};
  if (memory_ != MemoryLevel::critical && !retains) return {};
  if (!session.link_->can_refuse()) {
    rest(session, kMemoryRest, metrics_.memory_rests, "the server is short of memory: publishers are slowed");
    return {};
  }
  ++session.activity().meter.get().refused;
  (memory_ == MemoryLevel::critical ? metrics_.refused_memory : metrics_.refused_memory_retained).add();
  return fail(Errc::limit_exceeded,
              memory_ == MemoryLevel::critical
                  ? "the server is short of memory and takes no message at the moment"
                  : "the server is short of memory and retains nothing new at the moment");
}

Result<void> Shard::admit_within_rate(Session& session, const Message& message) {
  const Instant now = executor().now();
  PublishMeter& meter = session.activity().meter.get();
  TenantAllowance& tenant = allowance_of(session.principal()->tenant);
  const Limits& rates = limits();
  const bool refuses = rates.over_rate == OverRate::refuse && session.link_->can_refuse();
  if (refuses) {
    const bool spent = is_empty(meter.messages, rates.client_messages, now) ||
                       is_empty(meter.bytes, rates.client_bytes, now) || tenant.is_empty(rates, now);
    if (spent) {
      ++meter.refused;
      metrics_.refused_rate.add();
      log::refusal("hub", "a client publishes faster than it may: refused", session.client_id());
      return fail(Errc::limit_exceeded, "published faster than this server takes messages");
    }
  }
  const auto bytes = static_cast<double>(body_bytes(message));
  const Duration own = std::max(take(meter.messages, rates.client_messages, now, 1),
                                take(meter.bytes, rates.client_bytes, now, bytes));
  const Duration shared = tenant.take(rates, now, bytes);
  const Duration wait = std::max(own, shared);
  if (refuses || wait < kMinPublishRest) return {};  // the next one is refused until the debt is paid
  rest(session, std::min(wait, kMaxPublishRest),
       own >= shared ? metrics_.client_rests : metrics_.tenant_rests,
       own >= shared ? "a client publishes faster than it may: slowed"
                     : "the clients of a tenant publish faster than they may: slowed");
  return {};
}

void Shard::rest(Session& session, Duration time, metrics::Cell& count, std::string_view why) {
  PublishMeter& meter = session.activity().meter.get();
  ++meter.rests;
  meter.rests_until = std::max(meter.rests_until, executor().wall_now() + time);
  count.add();
  log::refusal("hub", why, session.client_id());
  session.link_->rest(time);
}

bool Shard::may_subscribe_more(const Session& session) {
  if (memory_ == MemoryLevel::normal || session.principal()->kind == PrincipalKind::service) return true;
  metrics_.refused_memory_subscriptions.add();
  return false;
}

/// Of a message that has come in: what was acknowledged has been promised to be retained, and what is there
/// may change.
bool Shard::may_retain(const Message& message) const {
  if (message.qos != QoS::at_most_once || message.payload.empty()) return true;
  if (message.principal->kind == PrincipalKind::service) return true;
  return retained_.has(message.principal->tenant, message.topic.text());
}

// ---- memory ----

bool Shard::has_session(TenantId tenant, std::string_view client_id) {
  return session_of(tenant, client_id) != nullptr;
}

std::size_t Shard::qos0_room() const {
  return memory_ == MemoryLevel::critical ? std::min(kMinQueueInMemory, limits().qos0_messages)
                                          : limits().qos0_messages;
}

std::size_t Shard::queue_room() const {
  const std::size_t room = limits().queue_memory_messages;
  return memory_ == MemoryLevel::normal ? room : std::min(kMinQueueInMemory, room);
}

void Shard::set_memory_level(MemoryLevel level) {
  const MemoryLevel before = std::exchange(memory_, level);
  watch_admission();
  if (level <= before) return;
  router_.forget_routes();
  if (std::exchange(sheds_, true)) {
    shed_again_ = true;
    return;
  }
  shed(0);
}

/// What queues have in memory beyond what they keep now goes to the disk, or, QoS 0 while it is critical,
/// away.
void Shard::shed(std::size_t from) {
  const std::size_t end = std::min(slots_.size(), from + kShedStepsPerTurn);
  for (std::size_t slot = from; slot < end && memory_ != MemoryLevel::normal; ++slot) {
    if (Session* session = slots_[slot].session) session->shed();
  }
  const bool again = end >= slots_.size() && std::exchange(shed_again_, false);
  if (again || end < slots_.size()) return executor().post([this, next = again ? 0 : end] { shed(next); });
  sheds_ = false;
}

}  // namespace dunlin::hub
