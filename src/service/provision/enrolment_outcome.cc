// What becomes of an enrolment whose proof holds: name, rights, credential, one write.
#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "security/records.h"
#include "service/provision/job.h"
#include "service/provision/pattern.h"

namespace dunlin::provision {
namespace {

using registry::Thing;
using store::DocumentKind;
using OptionalDocument = std::optional<store::Document>;

Result<NameFacts> facts_of(const Application& wanted, const std::optional<security::CertificateInfo>& shown,
                           const std::optional<security::Csr>& csr) {
  NameFacts facts;
  facts.asked = wanted.asked;
  if (csr && facts.asked.empty()) facts.asked = csr->thing_name.empty() ? csr->common_name : csr->thing_name;
  if (!shown) return facts;
  DUNLIN_TRY(const auto subject, security::read_subject(as_bytes(wanted.certificate_der)));
  facts.common_name = subject.common_name;
  facts.organisation = subject.organisation;
  facts.unit = subject.unit;
  facts.serial_number = subject.serial_number;
  facts.thing_name = shown->thing_name;
  facts.serial = shown->serial;
  return facts;
}

Result<std::string> name_of(const Grant* grant, const NameFacts& facts) {
  if (grant == nullptr || grant->thing.empty())
    return name_by(grant == nullptr ? "" : grant->rules.name, facts);
  if (!facts.asked.empty() && facts.asked != grant->thing)
    return fail(Errc::permission_denied, "the name is not the one that this device may have");
  return grant->thing;
}

bool is_allowed(const std::vector<std::string>& list, const std::string& name, const std::string& serial) {
  if (list.empty()) return true;
  return std::ranges::any_of(
      list, [&](const std::string& one) { return one == name || (!serial.empty() && one == serial); });
}

/// A device of a group comes back with its key; a code for a thing that is there is meant for that thing.
bool may_exist(const Grant* grant, const Thing& thing) {
  if (grant == nullptr) return false;
  if (grant->kind == GrantKind::code) return grant->thing == thing.name;
  if (grant->kind != GrantKind::group) return false;
  const auto by = thing.attributes.find(std::string(kEnrolledBy));
  return by != thing.attributes.end() && by->second == grant_id(*grant);
}

std::string pem_of(std::string_view der) {
  return security::certificate_pem(as_bytes(der));
}

}  // namespace

void Enrolment::choose_name(JobPtr job) {
  const Grant* grant = job->grant ? &*job->grant : nullptr;
  // A claim certificate names the claim, not the device.
  const bool named_by_certificate = grant == nullptr || grant->kind == GrantKind::authority;
  const auto facts = facts_of(job->wanted, named_by_certificate ? job->shown : std::nullopt, job->csr);
  if (!facts) return finish(std::move(job), std::unexpected(facts.error()));
  auto name = name_of(grant, *facts);
  if (!name) return finish(std::move(job), std::unexpected(name.error()));
  job->name = *std::move(name);
  if (job->csr) {
    const std::string& said = job->csr->thing_name.empty() ? job->csr->common_name : job->csr->thing_name;
    if (!said.empty() && said != job->name)
      return refuse(std::move(job), Errc::permission_denied, "the certificate request names another thing");
  }
  const std::string serial = named_by_certificate && job->shown ? job->shown->serial : "";
  if (!is_allowed(job->rules().allow, job->name, serial))
    return refuse(std::move(job), Errc::permission_denied,
                  job->name + " is not on the list of those allowed");
  load_thing(std::move(job));
}

void Enrolment::load_thing(JobPtr job) {
  std::string name = job->name;
  parts_.registry.get(tenant_, std::move(name), [this, job = std::move(job)](Result<Thing> found) mutable {
    if (!found && found.error().code != Errc::not_found)
      return finish(std::move(job), std::unexpected(found.error()));
    if (found) job->thing = *std::move(found);
    load_waiting(std::move(job));
  });
}

void Enrolment::load_waiting(JobPtr job) {
  std::string id = waiting_id(job->name);
  parts_.repository.get(parts_.executor, DocumentKind::authority, tenant_.value, std::move(id),
                        [this, job = std::move(job)](Result<OptionalDocument> found) mutable {
                          if (!found) return finish(std::move(job), std::unexpected(found.error()));
                          if (*found) {
                            auto waiting = waiting_of(**found);
                            if (!waiting) return finish(std::move(job), std::unexpected(waiting.error()));
                            job->waiting = *std::move(waiting);
                          }
                          parts_.repository.get(
                              parts_.executor, DocumentKind::authority, tenant_.value, std::string(kTenantId),
                              [this, job = std::move(job)](Result<OptionalDocument> stored) mutable {
                                if (!stored) return finish(std::move(job), std::unexpected(stored.error()));
                                auto count = tenant_of(*stored);
                                if (!count) return finish(std::move(job), std::unexpected(count.error()));
                                job->count = *count;
                                count_places(std::move(job));
                              });
                        });
}

/// What is there is counted each time, where a quota asks for it: so a place that was given back is free,
/// whatever happened in between. No other enrolment is under way.
void Enrolment::count_places(JobPtr job) {
  if (job->thing || !job->grant || job->rules().quota == 0) return count_all(std::move(job));
  std::string by = grant_id(*job->grant);
  count_enrolled(std::move(by), [this, job = std::move(job)](Result<std::int64_t> counted) mutable {
    if (!counted) return finish(std::move(job), std::unexpected(counted.error()));
    job->grant->enrolled = *counted;
    count_all(std::move(job));
  });
}

void Enrolment::count_all(JobPtr job) {
  if (job->thing || job->count.quota == 0) return judge(std::move(job));
  count_enrolled({}, [this, job = std::move(job)](Result<std::int64_t> counted) mutable {
    if (!counted) return finish(std::move(job), std::unexpected(counted.error()));
    job->count.enrolled = *counted;
    judge(std::move(job));
  });
}

void Enrolment::count_enrolled(std::string by, std::move_only_function<void(Result<std::int64_t>)> done) {
  store::Repository::Field field =
      by.empty() ? store::Repository::Field{registry::kEnrolledIndex, registry::kEnrolled}
                 : store::Repository::Field{kEnrolledBy, std::move(by)};
  parts_.repository.count(parts_.executor, DocumentKind::thing, tenant_.value, std::move(field),
                          [done = std::move(done)](Result<std::size_t> counted) mutable {
                            if (!counted) return done(std::unexpected(counted.error()));
                            done(static_cast<std::int64_t>(*counted));
                          });
}

void Enrolment::judge(JobPtr job) {
  const Grant* grant = job->grant ? &*job->grant : nullptr;
  if (job->thing && !may_exist(grant, *job->thing))
    return refuse(std::move(job), Errc::already_exists,
                  "a thing named \"" + job->name + "\" is there already, and it is not this device's");
  if (job->thing && !may_enrol(*job->thing))
    return refuse(std::move(job), Errc::permission_denied, kMayNotEnrol);
  const Template& rules = job->rules();
  if (!job->thing && rules.quota != 0 && grant != nullptr && grant->enrolled >= rules.quota)
    return refuse(
        std::move(job), Errc::quota_exceeded,
        "no more than " + std::to_string(rules.quota) + " devices that came this way may be there at a time");
  if (!job->thing && job->count.quota != 0 && job->count.enrolled >= job->count.quota)
    return refuse(std::move(job), Errc::quota_exceeded,
                  "no more than " + std::to_string(job->count.quota) +
                      " devices that have enrolled may be there at a time");
  if (!job->waiting) {
    if (rules.approval == Approval::queue && !job->thing) return put_into_queue(std::move(job));
    return give_credential(std::move(job));
  }
  if (job->waiting->key != job->key)
    return refuse(std::move(job), Errc::conflict, "another device waits under this name");
  if (job->waiting->state == Waiting::State::rejected)
    return refuse(std::move(job), Errc::permission_denied, "an operator has rejected this device");
  if (job->waiting->state == Waiting::State::waiting && rules.approval == Approval::queue) {
    job->answer.outcome = Enrolled::Outcome::waiting;
    job->answer.thing = job->name;
    Enrolled answer = std::move(job->answer);
    return finish(std::move(job), std::move(answer));
  }
  give_credential(std::move(job));
}

void Enrolment::put_into_queue(JobPtr job) {
  if (is_full())
    return refuse(std::move(job), Errc::unavailable, "too many devices wait for approval; try again later");
  const Waiting waiting{.name = job->name,
                        .key = job->key,
                        .grant = grant_id(*job->grant),
                        .address = job->wanted.address,
                        .state = Waiting::State::waiting,
                        .asked_at = unix_milliseconds(parts_.clock.wall_now()),
                        .version = 0};
  job->changes.push_back(put_change(tenant_, waiting));
  job->changes.push_back(audit(job->actor(), "enrolment.wait", job->name + " by " + waiting.grant));
  job->answer.outcome = Enrolled::Outcome::waiting;
  job->answer.thing = job->name;
  write(std::move(job), &Enrolment::queued);
}

void Enrolment::queued(JobPtr job) {
  count_waiting(1);
  Enrolled answer = std::move(job->answer);
  finish(std::move(job), std::move(answer));
}

void Enrolment::give_credential(JobPtr job) {
  if (job->csr) return issue_certificate(std::move(job));
  if (job->wanted.group) return issue_token(std::move(job));
  if (job->shown) return adopt_certificate(std::move(job));
  refuse(std::move(job), Errc::invalid_argument, "a certificate request is needed");
}

void Enrolment::adopt_certificate(JobPtr job) {
  const WallTime now = parts_.clock.wall_now();
  auto record = security::make_record(*job->shown, pem_of(job->wanted.certificate_der), job->name, now);
  if (job->grant) {
    record.authority = job->grant->id;
    record.issuer.clear();
  }
  job->answer.fingerprint = record.fingerprint;
  job->changes.push_back(
      security::put_change(DocumentKind::certificate, tenant_, security::document_of(record), 0));
  job->changes.push_back(
      audit(job->actor(), "certificate.register", record.fingerprint + " for " + job->name));
  store(std::move(job));
}

void Enrolment::issue_certificate(JobPtr job) {
  std::string name = job->name;
  parts_.certificates.check_room(
      parts_.executor, std::move(name), [this, job = std::move(job)](Result<void> fits) mutable {
        if (!fits) return finish(std::move(job), std::unexpected(fits.error()));
        security::DeviceCertificateRequest request{.thing_name = job->name,
                                                   .csr_pem = job->csr->pem,
                                                   .lifetime = std::chrono::days{job->rules().days}};
        std::string actor = job->actor();
        parts_.certificates.sign(
            parts_.executor, std::move(actor), std::move(request),
            [this, job = std::move(job)](Result<security::CertificateRegister::Signed> made) mutable {
              if (!made) return finish(std::move(job), std::unexpected(made.error()));
              std::ranges::move(made->changes, std::back_inserter(job->changes));
              job->answer.fingerprint = made->issued.info.fingerprint;
              job->answer.chain_pem = std::move(made->issued.chain_pem);
              store(std::move(job));
            });
      });
}

void Enrolment::issue_token(JobPtr job) {
  // A device that comes back has lost its token: the former ones go.
  store::Query query;
  query.kind = DocumentKind::token;
  query.tenant = tenant_.value;
  query.equals = {{"owner", security::token_owner_key(security::TokenType::device, job->name)}};
  query.limit = security::kMaxTokensPerOwner;
  parts_.repository.find(
      parts_.executor, std::move(query),
      [this, job = std::move(job)](Result<std::vector<store::Document>> held) mutable {
        if (!held) return finish(std::move(job), std::unexpected(held.error()));
        const std::string label = grant_id(*job->grant);
        for (const store::Document& document : *held) {
          const auto token = security::token_of(document);
          if (token && token->label == label)
            job->changes.push_back(security::remove_change(DocumentKind::token, tenant_, token->id));
        }
        auto made =
            security::make_token(security::TokenType::device, job->name, parts_.clock.wall_now(), parts_.rng);
        made.record.label = label;
        job->changes.push_back(
            security::put_change(DocumentKind::token, tenant_, security::document_of(made.record), 0));
        job->changes.push_back(audit(job->actor(), "token.create", made.record.id));
        job->answer.token = std::move(made.text);
        store(std::move(job));
      });
}

void Enrolment::store(JobPtr job) {
  Thing thing = job->thing ? *job->thing : Thing{};
  const std::uint64_t version = thing.version;
  const Template& rules = job->rules();
  if (version == 0) {
    thing.name = job->name;
    thing.type = rules.type;
    thing.created_at = job->began;
    if (!rules.policies.empty())
      thing.policies =
          boost::json::serialize(boost::json::array(rules.policies.begin(), rules.policies.end()));
    auto enlisted = parts_.attachments.enlist(job->name, rules.groups);
    if (!enlisted)
      return refuse(std::move(job), Errc::permission_denied,
                    "the template cannot be carried out: " + enlisted.error().message);
    std::ranges::move(enlisted->changes, std::back_inserter(job->changes));
    job->enlisted = std::move(enlisted->stored);
  }
  for (const auto& [name, value] : job->wanted.attributes) thing.attributes[name] = value;
  if (version == 0) thing.life.stage = Lifecycle::provisioning;
  if (thing.life.stage == Lifecycle::provisioning) {
    const registry::LifeStep step{.to = Lifecycle::activation, .by = "system", .reason = "it has enrolled"};
    if (auto stepped = registry::take_step(thing.life, step, parts_.clock.wall_now()); !stepped)
      return finish(std::move(job), std::unexpected(stepped.error()));
  }
  const std::string by = job->grant ? grant_id(*job->grant) : "own";
  thing.attributes[std::string(kEnrolledBy)] = by;
  auto plan = parts_.registry.plan(tenant_, std::move(thing), version);
  if (!plan) return finish(std::move(job), std::unexpected(plan.error()));
  job->changes.push_back(plan->change);
  job->plan = *std::move(plan);
  if (job->grant) {
    Grant& grant = *job->grant;
    if (grant.uses_left > 0) --grant.uses_left;
    if (job->csr) {
      grant.recent.push_back({job->csr->key, job->answer.fingerprint});
      if (grant.recent.size() > kMaxRecent) grant.recent.erase(grant.recent.begin());
    }
    job->changes.push_back(put_change(tenant_, grant));
  }
  if (job->waiting) job->changes.push_back(remove_change(tenant_, *job->waiting));
  job->changes.push_back(audit(job->actor(), "enrolment.enrol",
                               job->name + " by " + by + ", " + std::string(way_name(job->wanted.way))));
  job->answer.thing = job->name;
  write(std::move(job), &Enrolment::stored);
}

void Enrolment::stored(JobPtr job) {
  if (job->waiting) count_waiting(-1);
  const std::uint64_t version = job->thing ? job->thing->version + 1 : 1;
  if (job->enlisted) job->enlisted();
  parts_.registry.adopt(tenant_, std::move(job->plan->made), version);
  Enrolled answer = std::move(job->answer);
  finish(std::move(job), std::move(answer));
}

}  // namespace dunlin::provision
