// Devices that are known already: a registration that is repeated, a certificate that is renewed, an answer
// that was lost.
#include <utility>

#include "security/records.h"
#include "service/provision/job.h"

namespace dunlin::provision {
namespace {

using registry::Thing;
using security::CertificateRecord;
using store::DocumentKind;

}  // namespace

void Enrolment::repeat_registration(JobPtr job, CertificateRecord record) {
  job->answer.fingerprint = record.fingerprint;
  if (!job->wanted.asked.empty() && job->wanted.asked != record.thing)
    return refuse(std::move(job), Errc::permission_denied,
                  "the certificate is that of the thing \"" + record.thing + "\"");
  job->name = record.thing;
  std::string name = record.thing;
  parts_.registry.get(tenant_, std::move(name), [this, job = std::move(job)](Result<Thing> found) mutable {
    if (!found) return finish(std::move(job), std::unexpected(found.error()));
    if (!may_enrol(*found)) return refuse(std::move(job), Errc::permission_denied, kMayNotEnrol);
    job->thing = *found;
    job->answer.thing = job->name;
    // An operator made the thing and gave it its certificate: now the device says for the first time what it
    // is.
    const bool first = !found->attributes.contains("firmware_version") && !job->wanted.attributes.empty();
    job->answer.outcome = first ? Enrolled::Outcome::created : Enrolled::Outcome::repeated;
    for (const auto& [attribute, value] : job->wanted.attributes) found->attributes[attribute] = value;
    if (found->attributes == job->thing->attributes) {
      Enrolled answer = std::move(job->answer);
      return finish(std::move(job), std::move(answer));
    }
    auto plan = parts_.registry.plan(tenant_, *std::move(found), job->thing->version);
    if (!plan) return finish(std::move(job), std::unexpected(plan.error()));
    job->changes.push_back(plan->change);
    job->changes.push_back(audit(job->actor(), "enrolment.repeat", job->name));
    job->plan = *std::move(plan);
    write(std::move(job), &Enrolment::stored);
  });
}

void Enrolment::renew(JobPtr job, CertificateRecord record, std::uint64_t version) {
  auto csr = security::read_csr(job->wanted.csr);
  if (!csr) return finish(std::move(job), std::unexpected(csr.error()));
  job->csr = *std::move(csr);
  job->name = record.thing;
  const std::string& said = job->csr->thing_name.empty() ? job->csr->common_name : job->csr->thing_name;
  const bool other = (!said.empty() && said != record.thing) ||
                     (!job->wanted.asked.empty() && job->wanted.asked != record.thing);
  if (other)
    return refuse(std::move(job), Errc::permission_denied, "the certificate request names another thing");
  std::string name = record.thing;
  parts_.registry.get(
      tenant_, std::move(name),
      [this, record = std::move(record), version, job = std::move(job)](Result<Thing> found) mutable {
        if (!found) return finish(std::move(job), std::unexpected(found.error()));
        if (!may_enrol(*found)) return refuse(std::move(job), Errc::permission_denied, kMayNotEnrol);
        std::string thing = job->name;
        parts_.certificates.check_room(
            parts_.executor, std::move(thing),
            [this, record = std::move(record), version, job = std::move(job)](Result<void> fits) mutable {
              if (!fits) return finish(std::move(job), std::unexpected(fits.error()));
              sign_renewal(std::move(job), std::move(record), version);
            });
      });
}

void Enrolment::sign_renewal(JobPtr job, CertificateRecord record, std::uint64_t version) {
  // As long as the present one was given for.
  const std::chrono::milliseconds life{record.not_after - record.not_before};
  security::DeviceCertificateRequest request{
      .thing_name = job->name,
      .csr_pem = job->csr->pem,
      .lifetime = std::clamp<Duration>(life - security::kBackdate, security::kMinDeviceLifetime,
                                       security::kMaxDeviceLifetime)};
  std::string actor = job->actor();
  parts_.certificates.sign(
      parts_.executor, std::move(actor), std::move(request),
      [this, record = std::move(record), version,
       job = std::move(job)](Result<security::CertificateRegister::Signed> made) mutable {
        if (!made) return finish(std::move(job), std::unexpected(made.error()));
        job->changes = std::move(made->changes);
        using security::SubjectKind;
        auto inherited =
            parts_.attachments.inherit({SubjectKind::certificate, record.fingerprint},
                                       {SubjectKind::certificate, made->issued.info.fingerprint});
        if (!inherited) return finish(std::move(job), std::unexpected(inherited.error()));
        std::ranges::move(inherited->changes, std::back_inserter(job->changes));
        job->enlisted = std::move(inherited->stored);
        const std::int64_t retires = unix_milliseconds(parts_.clock.wall_now() + kRenewalOverlap);
        if (record.retires_at == 0) record.retires_at = std::min(retires, record.not_after);
        job->changes.push_back(
            security::put_change(DocumentKind::certificate, tenant_, security::document_of(record), version));
        job->changes.push_back(audit(job->actor(), "enrolment.renew", record.fingerprint));
        job->answer.outcome = Enrolled::Outcome::renewed;
        job->answer.thing = job->name;
        job->answer.fingerprint = made->issued.info.fingerprint;
        job->answer.chain_pem = std::move(made->issued.chain_pem);
        write(std::move(job), &Enrolment::renewed);
      });
}

void Enrolment::renewed(JobPtr job) {
  if (job->enlisted) job->enlisted();
  Enrolled answer = std::move(job->answer);
  finish(std::move(job), std::move(answer));
}

void Enrolment::give_stored(JobPtr job, std::string fingerprint) {
  parts_.repository.get(
      parts_.executor, DocumentKind::certificate, tenant_.value, fingerprint,
      [this, job = std::move(job)](Result<std::optional<store::Document>> found) mutable {
        if (!found) return finish(std::move(job), std::unexpected(found.error()));
        const auto record = *found ? security::certificate_of(**found) : fail(Errc::not_found, "");
        if (!record || !security::is_usable(*record, unix_milliseconds(parts_.clock.wall_now())))
          return refuse(std::move(job), Errc::permission_denied, "the certificate given before is revoked");
        job->name = record->thing;
        if (!job->wanted.asked.empty() && job->wanted.asked != record->thing)
          return refuse(std::move(job), Errc::permission_denied,
                        "the certificate request names another thing");
        job->answer.outcome = Enrolled::Outcome::repeated;
        job->answer.thing = record->thing;
        job->answer.fingerprint = record->fingerprint;
        job->answer.chain_pem = record->pem + parts_.pki.issuer_pem(record->issuer);
        Enrolled answer = std::move(job->answer);
        finish(std::move(job), std::move(answer));
      });
}

}  // namespace dunlin::provision
