#include "service/provision/enrolment.h"

#include <array>
#include <utility>

#include "base/log.h"
#include "model/text.h"
#include "security/records.h"
#include "service/provision/job.h"

namespace dunlin::provision {
namespace {

constexpr std::array<std::string_view, 6> kWays = {"registration", "just_in_time", "code",
                                                   "claim",        "group",        "est"};
constexpr std::array<std::string_view, 4> kOutcomes = {"created", "repeated", "renewed", "waiting"};
constexpr std::string_view kRefused = "refused";
constexpr TokenRate kRefusalAudits{kRefusalAuditsPerMinute / 60, kRefusalAuditsPerMinute};

/// What a peer had a part in, for the audit: cut, and without control characters.
std::string clean(std::string_view text) {
  std::string kept(model::cut_text(text, 200));
  for (char& c : kept) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return kept;
}

}  // namespace

std::string_view way_name(Way way) {
  return kWays[static_cast<std::size_t>(way)];
}

Enrolment::Enrolment(Parts parts, TenantId tenant)
    : parts_(std::move(parts)),
      tenant_(tenant),
      waiting_(parts_.metrics.gauge("dunlin_enrolment_waiting", "Devices in the approval queue")),
      unwritten_(parts_.metrics.counter("dunlin_enrolment_refusals_unwritten_total",
                                        "Refusals without an audit record: there were too many a minute")) {
  for (std::size_t way = 0; way < kWays.size(); ++way) {
    for (const std::string_view outcome :
         {kOutcomes[0], kOutcomes[1], kOutcomes[2], kOutcomes[3], kRefused}) {
      counts_[{static_cast<Way>(way), outcome}] =
          &parts_.metrics.counter("dunlin_enrolments_total", "Enrolments by way and outcome",
                                  {{"way", std::string(kWays[way])}, {"outcome", std::string(outcome)}});
    }
  }
}

void Enrolment::enrol(Application wanted, Done done) {
  if (enrolments_ >= kMaxEnrolments) {
    count(wanted.way, kRefused);
    return done(fail(Errc::unavailable, "too many devices enrol at the moment; try again"));
  }
  ++enrolments_;
  auto job = std::make_unique<Job>();
  job->wanted = std::move(wanted);
  job->done = std::move(done);
  turns_.emplace_back([this, job = std::move(job)]() mutable { begin(std::move(job)); });
  run_next();
}

void Enrolment::admit(std::string certificate_der, std::string asked, std::string address,
                      std::move_only_function<void(Result<void>)> done) {
  Application wanted;
  wanted.way = Way::just_in_time;
  wanted.certificate_der = std::move(certificate_der);
  wanted.asked = std::move(asked);
  wanted.address = std::move(address);
  enrol(std::move(wanted), [done = std::move(done)](Result<Enrolled> enrolled) mutable {
    if (!enrolled) {
      // To whoever connects all of these say the same: not you, and why.
      Error why = enrolled.error();
      const bool about_now = why.code == Errc::unavailable || why.code == Errc::quota_exceeded;
      if (!about_now && why.code != Errc::io && why.code != Errc::no_space)
        why.code = Errc::permission_denied;
      return done(std::unexpected(std::move(why)));
    }
    if (enrolled->outcome == Enrolled::Outcome::waiting)
      return done(fail(Errc::permission_denied, "the device waits for an operator's approval"));
    done({});
  });
}

void Enrolment::in_turn(std::move_only_function<void(Task next)> step) {
  turns_.emplace_back([this, step = std::move(step)]() mutable {
    step([this] {
      turn_ = Turn::free;
      run_next();
    });
  });
  run_next();
}

void Enrolment::run_next() {
  if (turn_ == Turn::taken || turns_.empty()) return;
  turn_ = Turn::taken;
  parts_.executor.post(std::move(turns_.front()));
  turns_.pop_front();
}

void Enrolment::finish(JobPtr job, Result<Enrolled> result) {
  --enrolments_;
  turn_ = Turn::free;
  const Way way = job->wanted.way;
  if (result) {
    count(way, kOutcomes[static_cast<std::size_t>(result->outcome)]);
    if (!job->penalty.empty()) parts_.penalties.succeeded(job->penalty);
  } else {
    if (!job->penalty.empty() && result.error().code == Errc::unauthenticated)
      parts_.penalties.failed(job->penalty, security::kMaxAddressPenalty);
    refused(way, job->wanted.address, result.error(), job->name);
  }
  run_next();
  job->done(std::move(result));
}

void Enrolment::refuse(JobPtr&& job, Errc code, std::string why) {
  finish(std::move(job), fail(code, std::move(why)));
}

void Enrolment::refused(Way way, const std::string& address, const Error& why, const std::string& name) {
  count(way, kRefused);
  const std::string who = name.empty() ? address : address + " as " + name;
  log::refusal("service/provision", "an enrolment was refused", who, {{"why", why.message}});
  // Whoever comes with a CONNECT is refused by that.
  if (parts_.refusals != nullptr && way != Way::just_in_time) {
    parts_.refusals->refused(
        {.kind = RefusalKind::enrolment, .address = address, .device = name, .reason = why.message});
  }
  const Instant now = parts_.clock.now();
  if (refusal_audits_.is_empty(kRefusalAudits, now)) return unwritten_.add();
  refusal_audits_.take(kRefusalAudits, now, 1);
  std::vector<store::Change> changes;
  changes.push_back(audit("address:" + clean(who), "enrolment.refuse",
                          std::string(way_name(way)) + ": " + clean(why.message),
                          security::AuditOutcome::denied));
  parts_.repository.write(parts_.executor, std::move(changes), [](const auto& written) {
    if (!written)
      log::error("service/provision", "an audit record was not written", {{"why", written.error().message}});
  });
}

void Enrolment::load(std::move_only_function<void(Result<void>)> done) {
  store::Query query;
  query.kind = store::DocumentKind::authority;
  query.tenant = tenant_.value;
  query.equals = {{"what", "waiting"}};
  query.limit = kMaxWaiting;
  parts_.repository.find(parts_.executor, std::move(query),
                         [this, done = std::move(done)](Result<std::vector<store::Document>> found) mutable {
                           if (!found) return done(std::unexpected(found.error()));
                           waiting_count_ = 0;
                           count_waiting(static_cast<std::int64_t>(found->size()));
                           done({});
                         });
}

void Enrolment::count_waiting(std::int64_t change) {
  waiting_count_ += change;
  waiting_.set(waiting_count_);
}

void Enrolment::count(Way way, std::string_view outcome) {
  counts_.at({way, outcome})->add();
}

store::Change Enrolment::audit(std::string_view actor, std::string_view action, std::string_view object,
                               security::AuditOutcome outcome) const {
  return security::audit_change(tenant_, parts_.clock.wall_now(),
                                {.actor = actor, .action = action, .object = object, .outcome = outcome});
}

void Enrolment::write(JobPtr job, Step then) {
  std::vector<store::Change> changes = std::exchange(job->changes, {});
  parts_.repository.write(
      parts_.executor, std::move(changes),
      [this, then, job = std::move(job)](Result<std::vector<std::uint64_t>> written) mutable {
        if (!written && written.error().code == Errc::conflict)
          return refuse(std::move(job), Errc::conflict, "something changed at the same moment; try again");
        if (!written) return finish(std::move(job), std::unexpected(written.error()));
        (this->*then)(std::move(job));
      });
}

}  // namespace dunlin::provision
