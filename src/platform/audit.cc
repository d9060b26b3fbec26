#include "platform/audit.h"

#include "base/log.h"

namespace dunlin::platform {
namespace {

using security::AuditOutcome;

}  // namespace

Audit::Audit(Parts parts)
    : parts_(parts),
      log_({parts.chain, parts.executor, parts.workers, parts.chain.key(), parts.metrics}),
      sums_({parts.executor, parts.chain, kDefaultTenant, parts.metrics}) {}

model::CallRecorder Audit::calls() {
  return [this](const model::Caller& caller, model::CallRecord call, auto recorded) {
    record(caller, std::move(call), std::move(recorded));
  };
}

std::function<void(security::Authenticator::SignIn)> Audit::sign_ins() {
  return [this](security::Authenticator::SignIn event) {
    sums_.add({.actor = {event.name, event.proof, std::move(event.address)},
               .action = std::string(event.action),
               .object = event.name,
               .outcome = event.outcome,
               .detail = std::move(event.detail)});
  };
}

std::function<void(const Principal&, const std::string&, const std::string&)> Audit::spoken_for() {
  return [this](const Principal& speaker, const std::string& thing, const std::string& why) {
    sums_.add({.actor = {speaker.name, speaker.proof, {}},
               .action = "thing.speak",
               .object = thing,
               .outcome = AuditOutcome::denied,
               .detail = why});
  };
}

void Audit::record(const model::Caller& caller, model::CallRecord call,
                   std::move_only_function<void(Result<void>)> recorded) {
  security::Actor actor = security::actor_of(*caller.principal, caller.address);
  if (call.outcome == model::CallRecord::Outcome::denied) {
    sums_.add({.actor = std::move(actor),
               .action = std::string(call.action),
               .object = std::move(call.object),
               .outcome = AuditOutcome::denied,
               .detail = std::move(call.detail)});
    return recorded({});
  }
  const bool done = call.outcome == model::CallRecord::Outcome::done;
  std::vector<store::Change> changes;
  changes.push_back(security::audit_change(caller.principal->tenant, parts_.executor.wall_now(),
                                           {.actor = std::move(actor),
                                            .action = call.action,
                                            .object = call.object,
                                            .outcome = done ? AuditOutcome::ok : AuditOutcome::failed,
                                            .detail = call.detail}));
  parts_.chain.write(
      parts_.executor, std::move(changes),
      [recorded = std::move(recorded)](const Result<std::vector<std::uint64_t>>& written) mutable {
        if (written) return recorded({});
        log::error("platform", "an audit record was not written", {{"why", written.error().message}});
        recorded(std::unexpected(written.error()));
      });
}

void Audit::start() {
  next_age_sweep_ = parts_.executor.now();
  sweep_later();
}

void Audit::sweep_later() {
  parts_.executor.schedule(kAuditSweep, [this] { sweep(); });
}

void Audit::sweep() {
  // What is being verified must not lose its beginning.
  if (log_.verifying()) return sweep_later();
  security::AuditExpiry wanted;
  wanted.most = parts_.most;
  if (parts_.keep > Duration{0} && parts_.executor.now() >= next_age_sweep_) {
    next_age_sweep_ = parts_.executor.now() + kAuditAgeSweep;
    wanted.older_than = unix_milliseconds(parts_.executor.wall_now() - parts_.keep);
  }
  expire(wanted);
}

/// Step by step, until nothing is left to remove.
void Audit::expire(security::AuditExpiry wanted) {
  parts_.chain.expire(parts_.executor, wanted, [this, wanted](Result<std::size_t> removed) {
    if (!removed) {
      log::warning("platform", "old audit records were not removed", {{"why", removed.error().message}});
    } else if (*removed > 0 && !log_.verifying()) {
      return expire(wanted);
    }
    sweep_later();
  });
}

}  // namespace dunlin::platform
