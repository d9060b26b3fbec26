// Who asks, and what lets it in: a code, a group's key, a certificate.
#include <utility>

#include "security/codes.h"
#include "security/crypto.h"
#include "security/limits.h"
#include "security/names.h"
#include "security/records.h"
#include "service/provision/job.h"

namespace dunlin::provision {
namespace {

using store::DocumentKind;
using OptionalDocument = std::optional<store::Document>;

std::string penalty_key(const Application& wanted) {
  return "enrol|" + security::network_of(wanted.address);
}

}  // namespace

void Enrolment::begin(JobPtr job) {
  job->began = parts_.clock.wall_now();
  if (!job->wanted.code.empty()) return begin_code(std::move(job));
  if (job->wanted.group) return begin_group(std::move(job));
  if (!job->wanted.certificate_der.empty()) return begin_certificate(std::move(job));
  refuse(std::move(job), Errc::unauthenticated,
         "no client certificate was shown in the TLS handshake, or none that is valid here");
}

void Enrolment::begin_code(JobPtr job) {
  const std::string key = penalty_key(job->wanted);
  if (parts_.penalties.wait({key}) > Duration{0})
    return refuse(std::move(job), Errc::quota_exceeded, "too many wrong codes; wait before the next");
  job->penalty = key;
  const auto hash = security::code_hash(job->wanted.code.view());
  if (!hash) return refuse(std::move(job), Errc::unauthenticated, "the enrolment code is not valid");
  load_grant(std::move(job), grant_id(GrantKind::code, *hash), &Enrolment::judge_grant);
}

void Enrolment::begin_group(JobPtr job) {
  const std::string key = penalty_key(job->wanted);
  if (parts_.penalties.wait({key}) > Duration{0})
    return refuse(std::move(job), Errc::quota_exceeded, "too many wrong signatures; wait before the next");
  job->penalty = key;
  if (!security::check_thing_name(job->wanted.group->group))
    return refuse(std::move(job), Errc::unauthenticated, "the signature is not right");
  std::string id = grant_id(GrantKind::group, job->wanted.group->group);
  load_grant(std::move(job), std::move(id), &Enrolment::judge_group);
}

void Enrolment::load_grant(JobPtr job, std::string id, Step then) {
  parts_.repository.get(parts_.executor, DocumentKind::authority, tenant_.value, std::move(id),
                        [this, then, job = std::move(job)](Result<OptionalDocument> found) mutable {
                          if (!found) return finish(std::move(job), std::unexpected(found.error()));
                          if (*found) {
                            auto grant = grant_of(**found);
                            if (!grant) return finish(std::move(job), std::unexpected(grant.error()));
                            job->grant = *std::move(grant);
                          }
                          (this->*then)(std::move(job));
                        });
}

void Enrolment::judge_group(JobPtr job) {
  const GroupProof& proof = *job->wanted.group;
  // An unknown group takes as long as a known one.
  const std::string salt = job->grant ? std::to_string(job->grant->created_at) : "";
  const auto proven = check_proof(proof, job->wanted.csr, group_key(parts_.secret, proof.group, salt),
                                  unix_milliseconds(parts_.clock.wall_now()) / 1000);
  if (!job->grant) return refuse(std::move(job), Errc::unauthenticated, "the signature is not right");
  if (!proven) return finish(std::move(job), std::unexpected(proven.error()));
  job->wanted.asked = proof.registration_id;
  job->key = "group:" + proof.registration_id;
  judge_grant(std::move(job));
}

void Enrolment::begin_certificate(JobPtr job) {
  auto info = security::parse_certificate(as_bytes(job->wanted.certificate_der));
  if (!info) return finish(std::move(job), std::unexpected(info.error()));
  job->shown = *std::move(info);
  job->key = job->shown->fingerprint;
  std::string fingerprint = job->shown->fingerprint;
  parts_.repository.get(
      parts_.executor, DocumentKind::certificate, tenant_.value, std::move(fingerprint),
      [this, job = std::move(job)](Result<OptionalDocument> found) mutable {
        if (!found) return finish(std::move(job), std::unexpected(found.error()));
        if (!*found) return look_for_claim(std::move(job));
        auto record = security::certificate_of(**found);
        if (!record) return finish(std::move(job), std::unexpected(record.error()));
        if (record->state != security::CertificateRecord::State::active)
          return refuse(std::move(job), Errc::permission_denied, "the certificate is revoked");
        if (!security::is_usable(*record, unix_milliseconds(parts_.clock.wall_now())))
          return refuse(std::move(job), Errc::permission_denied, "the certificate is no longer taken");
        if (record->use == security::CertificateRecord::Use::claim) return look_for_claim(std::move(job));
        if (record->use == security::CertificateRecord::Use::server)
          return refuse(std::move(job), Errc::permission_denied, "the certificate is the server's");
        const bool by_other = !record->authority.empty() && record->authority != security::kPinned;
        if (by_other && !parts_.authorities.is_trusted(record->authority) &&
            !find_voucher(job->wanted.certificate_der, job->wanted.chain_pem))
          return refuse(std::move(job), Errc::permission_denied,
                        "the authority that vouches for the certificate is disabled or was removed");
        if (job->wanted.csr.empty()) return repeat_registration(std::move(job), *std::move(record));
        renew(std::move(job), *std::move(record), (*found)->version);
      });
}

void Enrolment::look_for_claim(JobPtr job) {
  if (job->wanted.applicants == Application::Applicants::known)
    return refuse(std::move(job), Errc::permission_denied, "the certificate is not registered");
  std::string id = grant_id(GrantKind::claim, job->shown->fingerprint);
  load_grant(std::move(job), std::move(id), &Enrolment::look_for_authority);
}

void Enrolment::look_for_authority(JobPtr job) {
  if (job->grant) {
    if (job->wanted.csr.empty())
      return refuse(std::move(job), Errc::permission_denied,
                    "a claim certificate may only enrol: send a certificate request with it");
    return judge_grant(std::move(job));
  }
  const auto voucher = find_voucher(job->wanted.certificate_der, job->wanted.chain_pem);
  if (!voucher) return finish(std::move(job), std::unexpected(voucher.error()));
  if (voucher->empty()) {
    if (job->wanted.way == Way::registration && job->wanted.csr.empty()) return judge_grant(std::move(job));
    return refuse(std::move(job), Errc::permission_denied, "the certificate is not registered");
  }
  load_grant(std::move(job), grant_id(GrantKind::authority, *voucher), &Enrolment::judge_grant);
}

Result<std::string> Enrolment::find_voucher(std::string_view leaf_der, std::string_view chain_pem) const {
  const WallTime now = parts_.clock.wall_now();
  const auto ours = parts_.pki.verify(leaf_der, security::Purpose::client, now);
  if (ours) return std::string();
  auto theirs = parts_.authorities.find(leaf_der, chain_pem, now);
  // Of both reasons the one that says more than that the issuer is unknown.
  const bool is_ours = !theirs && !ours.error().message.contains("issuer certificate") &&
                       !ours.error().message.contains("self-signed");
  return is_ours ? Result<std::string>(std::unexpected(ours.error())) : std::move(theirs);
}

void Enrolment::judge_grant(JobPtr job) {
  // Only what names a secret can be unknown here: an authority that has just gone vouches for nobody.
  const bool by_code = !job->wanted.code.empty();
  if (!job->grant && by_code)
    return refuse(std::move(job), Errc::unauthenticated, "the enrolment code is not valid");
  if (!job->wanted.csr.empty()) {
    auto csr = security::read_csr(job->wanted.csr);
    if (!csr) return finish(std::move(job), std::unexpected(csr.error()));
    job->csr = *std::move(csr);
    if (job->key.empty()) job->key = job->csr->key;
  }
  if (!job->grant) return choose_name(std::move(job));
  const Grant& grant = *job->grant;
  const std::int64_t now = unix_milliseconds(parts_.clock.wall_now());
  const Errc code = by_code ? Errc::unauthenticated : Errc::permission_denied;
  const std::string what(grant_kind_name(grant.kind));
  if (grant.state != Grant::State::enabled)
    return refuse(std::move(job), code, "the " + what + " is disabled");
  if (grant.expires_at != 0 && now >= grant.expires_at)
    return refuse(std::move(job), code, "the " + what + " has expired");
  if (give_again(job)) return;
  if (grant.uses_left == 0) return refuse(std::move(job), code, "the " + what + " is used up");
  if (grant.kind == GrantKind::authority && grant.auto_registration == Grant::AutoRegistration::off)
    return refuse(std::move(job), Errc::permission_denied,
                  "this authority's devices may not register themselves");
  choose_name(std::move(job));
}

bool Enrolment::give_again(JobPtr& job) {
  if (!job->csr) return false;
  for (const Grant::Recent& recent : job->grant->recent) {
    if (recent.key != job->csr->key) continue;
    std::string fingerprint = recent.fingerprint;
    give_stored(std::move(job), std::move(fingerprint));
    return true;
  }
  return false;
}

}  // namespace dunlin::provision
