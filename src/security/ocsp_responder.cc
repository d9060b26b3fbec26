#include "security/ocsp_responder.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.h"
#include "security/limits.h"

namespace dunlin::security {
namespace {

using Documents = std::vector<store::Document>;

constexpr std::array<std::string_view, 6> kOutcomes = {"answered",     "cached", "malformed",
                                                       "unauthorized", "busy",   "failed"};
/// Serial numbers are random; others of the same number are of other issuers.
constexpr std::size_t kMaxOfOneSerial = 16;

}  // namespace

/// An answer under way.
struct OcspResponder::Job {
  OcspRequest request;
  std::string issuer;
  std::string key;  // of the answers that are kept; empty: it is not
  std::uint64_t version = 0;
  OcspAnswer answer;
  Done done;
};

OcspResponder::OcspResponder(Parts parts, TenantId tenant) : parts_(parts), tenant_(tenant) {
  for (std::size_t i = 0; i < kOutcomes.size(); ++i) {
    counts_[static_cast<Outcome>(i)] =
        &parts_.metrics.counter("dunlin_pki_ocsp_requests_total", "OCSP requests by outcome",
                                {{"outcome", std::string(kOutcomes[i])}});
  }
}

void OcspResponder::refuse(OcspRefusal why, Outcome outcome, Done done) {
  counts_.at(outcome)->add();
  done({ocsp_refusal(why)});
}

void OcspResponder::answer(ByteView bytes, Done done) {
  auto request = parse_ocsp_request(bytes);
  if (!request) return refuse(OcspRefusal::malformed_request, Outcome::malformed, std::move(done));
  auto job = std::make_unique<Job>();
  job->issuer = issuer_of(*request);
  if (job->issuer.empty()) return refuse(OcspRefusal::unauthorized, Outcome::unauthorized, std::move(done));
  if (request->nonce.empty()) {
    job->key = job->issuer;
    for (const OcspCertId& id : request->ids) job->key += id.der;
    if (const Kept* kept = find_kept(job->key)) {
      counts_.at(Outcome::cached)->add();
      return done({kept->der, kept->until - parts_.clock.wall_now()});
    }
  }
  if (in_work_ >= kMaxOcspInWork) return refuse(OcspRefusal::try_later, Outcome::busy, std::move(done));
  ++in_work_;
  job->request = *std::move(request);
  job->version = parts_.revocations.version();
  job->answer.this_update = parts_.clock.wall_now();
  job->answer.next_update = job->answer.this_update + kOcspLifetime;
  job->answer.nonce = job->request.nonce;
  job->done = std::move(done);
  look_up(std::move(job));
}

/// The intermediate of ours that all of them name; empty: none. An answer has one signature, and one issuer's
/// says nothing of another's certificates (RFC 6960 section 4.2.2.2).
std::string OcspResponder::issuer_of(const OcspRequest& request) {
  learn_issuers();
  for (const auto& [issuer, names] : issuers_) {
    if (std::ranges::all_of(request.ids, [&](const OcspCertId& id) { return names.is_meant_by(id); }))
      return issuer;
  }
  return {};
}

void OcspResponder::learn_issuers() {
  const auto present = parts_.pki.issuers();
  std::erase_if(issuers_, [&](const auto& known) {
    return std::ranges::none_of(present, [&](const auto& issuer) { return issuer.id == known.first; });
  });
  for (const IssuerStatus& issuer : present) {
    if (issuers_.contains(issuer.id)) continue;
    if (auto names = OcspIssuer::make(issuer.certificate_pem)) issuers_.emplace(issuer.id, *std::move(names));
  }
}

/// An answer made before the latest revocation is not one any more.
const OcspResponder::Kept* OcspResponder::find_kept(const std::string& key) {
  const std::uint64_t version = parts_.revocations.version();
  if (std::exchange(kept_version_, version) != version) kept_.clear();
  const auto found = kept_.find(key);
  if (found == kept_.end() || found->second.until <= parts_.clock.wall_now()) return nullptr;
  return &found->second;
}

void OcspResponder::look_up(JobPtr job) {
  const std::size_t next = job->answer.statuses.size();
  if (next == job->request.ids.size()) return sign(std::move(job));
  store::Query query;
  query.kind = store::DocumentKind::certificate;
  query.tenant = tenant_.value;
  query.equals = {{"serial", job->request.ids[next].serial}};
  query.limit = kMaxOfOneSerial;
  parts_.repository.find(parts_.executor, std::move(query),
                         [this, job = std::move(job)](Result<Documents> found) mutable {
                           if (!found) return finish(std::move(job), std::unexpected(found.error()));
                           const OcspCertId& id = job->request.ids[job->answer.statuses.size()];
                           OcspStatus status = status_of(*job, id, *found);
                           job->answer.statuses.push_back(std::move(status));
                           look_up(std::move(job));
                         });
}

OcspStatus OcspResponder::status_of(Job& job, const OcspCertId& id, const Documents& documents) const {
  using State = OcspStatus::State;
  const std::int64_t now = unix_milliseconds(job.answer.this_update);
  OcspStatus status;
  status.cert_id_der = id.der;
  for (const store::Document& document : documents) {
    const auto record = certificate_of(document);
    if (!record || !record->authority.empty() || record->issuer != job.issuer) continue;
    if (record->state == CertificateRecord::State::active && !is_retired(*record, now)) {
      status.state = State::good;
      // Renewed: what is said now must not outlast the time until which it is taken.
      if (record->retires_at != 0)
        job.answer.next_update = std::min(job.answer.next_update, from_unix_milliseconds(record->retires_at));
      return status;
    }
    const bool is_revoked = record->state == CertificateRecord::State::revoked;
    status.state = State::revoked;
    status.revoked_at = from_unix_milliseconds(is_revoked ? record->revoked_at : record->retires_at);
    status.reason = is_revoked ? reason_of(*record) : RevocationReason::superseded;
    return status;
  }
  const CertificateInfo server = parts_.pki.server_info();
  if (server.serial == id.serial && server.issuer_key_id == job.issuer) status.state = State::good;
  return status;
}

void OcspResponder::sign(JobPtr job) {
  parts_.workers.run([this, job = std::move(job)]() mutable {
    auto der = parts_.pki.sign_ocsp(job->issuer, job->answer);
    parts_.executor.post([this, job = std::move(job), der = std::move(der)]() mutable {
      finish(std::move(job), std::move(der));
    });
  });
}

void OcspResponder::finish(JobPtr job, Result<std::string> der) {
  --in_work_;
  if (!der) {
    log::error("security", "an OCSP answer could not be made", {{"why", der.error().message}});
    return refuse(OcspRefusal::internal_error, Outcome::failed, std::move(job->done));
  }
  counts_.at(Outcome::answered)->add();
  // Something was revoked while it was made: true for its moment, and not to be kept.
  const bool is_latest = job->version == parts_.revocations.version();
  if (job->key.empty() || !is_latest) return job->done({*std::move(der)});
  if (kept_.size() >= kMaxOcspCached) kept_.clear();
  // Half its life is left to whoever gets it last.
  const Duration fresh_for = (job->answer.next_update - job->answer.this_update) / 2;
  kept_[job->key] = {*der, job->answer.this_update + fresh_for};
  job->done({*std::move(der), fresh_for});
}

}  // namespace dunlin::security
