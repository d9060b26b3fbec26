#include "security/audit_sums.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "security/limits.h"
#include "security/penalty.h"

namespace dunlin::security {
namespace {

constexpr std::string_view kSeveral = "(several)";

void merge_text(std::string& into, const std::string& text) {
  if (into != text) into = kSeveral;
}

}  // namespace

AuditSums::AuditSums(Parts parts)
    : parts_(parts),
      others_{{.actor = kSeveral,
               .action = "audit.more",
               .object = {},
               .outcome = AuditOutcome::failed,
               .detail = "more events than are told apart"},
              {},
              0},
      lost_(parts.metrics.counter("dunlin_audit_events_lost_total",
                                  "Security events whose audit record the store did not take")) {}

bool AuditSums::belongs(const Sum& sum, const AuditEvent& event, const std::string& network) {
  if (sum.event.action != event.action || sum.event.outcome != event.outcome) return false;
  const bool same_name = sum.event.actor.name == event.actor.name;
  const bool same_network = sum.network == network;
  if (event.outcome == AuditOutcome::failed) return same_name || same_network;
  return same_name && same_network;
}

void AuditSums::merge(AuditEvent& into, const AuditEvent& event) {
  merge_text(into.actor.name, event.actor.name);
  // Another connection of the same peer has another port.
  if (network_of(into.actor.address) != network_of(event.actor.address)) into.actor.address = kSeveral;
  merge_text(into.object, event.object);
  into.detail = event.detail;
}

AuditSums::Sum* AuditSums::find(const AuditEvent& event, const std::string& network) {
  const auto found =
      std::ranges::find_if(sums_, [&](const Sum& sum) { return belongs(sum, event, network); });
  return found == sums_.end() ? nullptr : &*found;
}

store::Change AuditSums::change_of(const AuditEvent& event, std::uint64_t count) const {
  return audit_change(parts_.tenant, parts_.executor.wall_now(),
                      {.actor = event.actor,
                       .action = event.action,
                       .object = event.object,
                       .outcome = event.outcome,
                       .detail = event.detail,
                       .count = count});
}

void AuditSums::add(AuditEvent event) {
  std::vector<store::Change> first;
  bool begins = false;
  {
    const std::scoped_lock lock(mutex_);
    std::string network = network_of(event.actor.address);
    if (Sum* sum = find(event, network)) {
      if (sum->count == 0) {
        sum->event.object = event.object;
        sum->event.detail = event.detail;
      }
      merge(sum->event, event);
      ++sum->count;
    } else if (sums_.size() < kMaxAuditSums) {
      first.push_back(change_of(event, 1));
      sums_.push_back({std::move(event), std::move(network), 0});
    } else {
      ++others_.count;
    }
    begins = !std::exchange(ticking_, true);
  }
  if (begins) {
    parts_.executor.post([this] { parts_.executor.schedule(kAuditSumTime, [this] { end_minute(); }); });
  }
  if (!first.empty()) write(std::move(first), [](const Result<void>&) {});
}

void AuditSums::flush(Done done) {
  std::vector<store::Change> changes;
  {
    const std::scoped_lock lock(mutex_);
    for (Sum& sum : sums_) {
      if (sum.count > 0) changes.push_back(change_of(sum.event, sum.count));
      sum.count = 0;
    }
    if (others_.count > 0) changes.push_back(change_of(others_.event, others_.count));
    others_.count = 0;
  }
  if (changes.empty()) return parts_.executor.post([done = std::move(done)]() mutable { done({}); });
  write(std::move(changes), std::move(done));
}

void AuditSums::end_minute() {
  {
    const std::scoped_lock lock(mutex_);
    // What did not come again within a minute begins anew.
    std::erase_if(sums_, [](const Sum& sum) { return sum.count == 0; });
    ticking_ = !sums_.empty() || others_.count > 0;
    if (ticking_) parts_.executor.schedule(kAuditSumTime, [this] { end_minute(); });
  }
  flush([](const Result<void>&) {});
}

void AuditSums::write(std::vector<store::Change> changes, Done done) {
  const auto count = static_cast<std::int64_t>(changes.size());
  parts_.repository.write(
      parts_.executor, std::move(changes),
      [this, count, done = std::move(done)](const Result<std::vector<std::uint64_t>>& written) mutable {
        if (written) return done({});
        lost_.add(count);
        log::error("security", "audit records of events were not written",
                   {{"why", written.error().message}});
        done(std::unexpected(written.error()));
      });
}

}  // namespace dunlin::security
