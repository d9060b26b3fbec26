#include "security/certificates.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "security/enrolment_formats.h"
#include "security/names.h"

namespace dunlin::security {
namespace {

using store::Document;
using store::DocumentKind;
using OptionalDocument = std::optional<Document>;
using Documents = std::vector<Document>;
constexpr std::size_t kPage = 500;
constexpr std::string_view kCompletedSetting = "certificates.completed";

/// Empty: it cannot be read, or says nothing of its issuer's key.
std::string issuer_in(const std::string& pem) {
  const auto ders = certificates_from_pem(pem);
  if (!ders) return {};
  const auto info = parse_certificate(as_bytes(ders->front()));
  return info ? info->issuer_key_id : std::string();
}

Result<std::vector<CertificateRecord>> records_of(const Documents& documents) {
  std::vector<CertificateRecord> records;
  for (const Document& document : documents) {
    DUNLIN_TRY(CertificateRecord record, certificate_of(document));
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace

CertificateRecord make_record(const CertificateInfo& info, std::string pem, std::string thing, WallTime now) {
  CertificateRecord record;
  record.fingerprint = info.fingerprint;
  record.thing = std::move(thing);
  record.serial = info.serial;
  record.issuer = info.issuer_key_id;
  record.pem = std::move(pem);
  record.not_before = unix_milliseconds(info.not_before);
  record.not_after = unix_milliseconds(info.not_after);
  record.created_at = unix_milliseconds(now);
  return record;
}

void CertificateRegister::load(Executor& reply_to, Done<void> done) {
  parts_.repository.get(reply_to, DocumentKind::setting, tenant_.value, std::string(kCompletedSetting),
                        [this, &reply_to, done = std::move(done)](Result<OptionalDocument> found) mutable {
                          if (!found) return done(std::unexpected(found.error()));
                          if (*found) return load_page(reply_to, "", std::move(done));
                          complete_page(reply_to, "", std::move(done));
                        });
}

/// Records from before there were several intermediates lack the issuer and the index of the serial number.
void CertificateRegister::complete_page(Executor& reply_to, std::string after, Done<void> done) {
  store::Query query;
  query.kind = DocumentKind::certificate;
  query.tenant = tenant_.value;
  query.after_id = std::move(after);
  query.limit = kPage;
  parts_.repository.find(
      reply_to, std::move(query), [this, &reply_to, done = std::move(done)](Result<Documents> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        std::vector<store::Change> changes;
        for (const Document& stored : *found) {
          auto record = certificate_of(stored);
          if (!record || !record->issuer.empty()) continue;
          if (record->authority.empty()) record->issuer = issuer_in(record->pem);
          changes.push_back(
              put_change(DocumentKind::certificate, tenant_, document_of(*record), stored.version));
        }
        const std::string last = found->size() == kPage ? found->back().id : "";
        if (last.empty())
          changes.push_back(
              put_change(DocumentKind::setting, tenant_,
                         {.id = std::string(kCompletedSetting), .version = 0, .body = "{}", .index = {}}, 0));
        if (changes.empty()) return complete_page(reply_to, last, std::move(done));
        parts_.repository.write(reply_to, std::move(changes),
                                [this, &reply_to, last, done = std::move(done)](auto written) mutable {
                                  if (!written) return done(std::unexpected(written.error()));
                                  if (last.empty()) return load_page(reply_to, "", std::move(done));
                                  complete_page(reply_to, last, std::move(done));
                                });
      });
}

void CertificateRegister::load_page(Executor& reply_to, std::string after, Done<void> done) {
  store::Query query;
  query.kind = DocumentKind::certificate;
  query.tenant = tenant_.value;
  query.equals = {{"state", "revoked"}};
  query.after_id = std::move(after);
  query.limit = kPage;
  parts_.repository.find(reply_to, std::move(query),
                         [this, &reply_to, done = std::move(done)](Result<Documents> found) mutable {
                           if (!found) return done(std::unexpected(found.error()));
                           const std::int64_t now = unix_milliseconds(parts_.clock.wall_now());
                           for (const Document& document : *found) {
                             // A record that cannot be read counts as revoked: its id is the fingerprint.
                             const auto record = certificate_of(document);
                             if (!record || record->not_after > now) parts_.revocations.add(document.id);
                           }
                           if (found->size() < kPage) return load_pinned(reply_to, "", std::move(done));
                           load_page(reply_to, found->back().id, std::move(done));
                         });
}

void CertificateRegister::issue(Executor& reply_to, Actor actor, DeviceCertificateRequest request,
                                Done<IssuedCertificate> done) {
  const std::string thing = request.thing_name;
  parts_.repository.get(reply_to, DocumentKind::thing, tenant_.value, thing,
                        [=, this, &reply_to, request = std::move(request),
                         done = std::move(done)](Result<OptionalDocument> found) mutable {
                          if (!found) return done(std::unexpected(found.error()));
                          if (!*found) return done(fail(Errc::not_found, "there is no thing " + thing));
                          if (const auto takes = check_takes_credentials(**found); !takes)
                            return done(std::unexpected(takes.error()));
                          issue_turns_.run<IssuedCertificate>(
                              reply_to, thing, std::move(done),
                              [=, this, &reply_to, request = std::move(request)](auto issued) mutable {
                                issue_in_turn(reply_to, actor, std::move(request), std::move(issued));
                              });
                        });
}

void CertificateRegister::issue_in_turn(Executor& reply_to, Actor actor, DeviceCertificateRequest request,
                                        Done<IssuedCertificate> done) {
  std::string thing = request.thing_name;
  check_room(
      reply_to, std::move(thing),
      [=, this, &reply_to, request = std::move(request), done = std::move(done)](Result<void> fits) mutable {
        if (!fits) return done(std::unexpected(fits.error()));
        sign_and_store(reply_to, actor, std::move(request), std::move(done));
      });
}

void CertificateRegister::check_room(Executor& reply_to, std::string thing, Done<void> done) {
  store::Query query;
  query.kind = DocumentKind::certificate;
  query.tenant = tenant_.value;
  query.equals = {{"thing", thing}, {"state", "active"}};
  query.limit = kMaxCertificatesPerThing;
  parts_.repository.find(
      reply_to, std::move(query),
      [this, thing = std::move(thing), done = std::move(done)](Result<Documents> held) mutable {
        if (!held) return done(std::unexpected(held.error()));
        // Those that have ended need no revocation to make room.
        const std::int64_t now = unix_milliseconds(parts_.clock.wall_now());
        const auto living = std::ranges::count_if(*held, [&](const Document& document) {
          const auto record = certificate_of(document);
          return !record || is_usable(*record, now);
        });
        if (static_cast<std::size_t>(living) < kMaxCertificatesPerThing) return done({});
        done(fail(Errc::quota_exceeded, thing + " has too many certificates: revoke one first"));
      });
}

void CertificateRegister::sign(Executor& reply_to, Actor actor, DeviceCertificateRequest request,
                               Done<Signed> done) {
  parts_.workers.run([=, this, &reply_to, request = std::move(request), done = std::move(done)]() mutable {
    Result<Signed> answer = [&]() -> Result<Signed> {
      Signed made;
      DUNLIN_TRY(made.issued, parts_.pki.issue_device_certificate(request));
      const WallTime now = parts_.clock.wall_now();
      const CertificateInfo& info = made.issued.info;
      const CertificateRecord record = make_record(info, made.issued.certificate_pem, info.thing_name, now);
      made.changes.push_back(put_change(DocumentKind::certificate, tenant_, document_of(record), 0));
      made.changes.push_back(audit_change(tenant_, now,
                                          {.actor = actor,
                                           .action = "certificate.issue",
                                           .object = info.fingerprint,
                                           .detail = "for " + info.thing_name}));
      return made;
    }();
    reply_to.post(
        [done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
  });
}

void CertificateRegister::sign_and_store(Executor& reply_to, Actor actor, DeviceCertificateRequest request,
                                         Done<IssuedCertificate> done) {
  sign(reply_to, std::move(actor), std::move(request),
       [this, &reply_to, done = std::move(done)](Result<Signed> made) mutable {
         if (!made) return done(std::unexpected(made.error()));
         parts_.repository.write(reply_to, std::move(made->changes),
                                 [issued = std::move(made->issued), done = std::move(done)](
                                     Result<std::vector<std::uint64_t>> written) mutable {
                                   if (!written) return done(std::unexpected(written.error()));
                                   done(std::move(issued));
                                 });
       });
}

void CertificateRegister::revoke(Executor& reply_to, Actor actor, std::string fingerprint,
                                 RevocationReason reason, Done<CertificateRecord> done) {
  parts_.repository.get(
      reply_to, DocumentKind::certificate, tenant_.value, fingerprint,
      [=, this, &reply_to, done = std::move(done)](Result<OptionalDocument> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        if (!*found) return done(fail(Errc::not_found, "there is no such certificate"));
        auto record = certificate_of(**found);
        if (!record) return done(std::unexpected(record.error()));
        if (record->state == CertificateRecord::State::revoked) {
          parts_.revocations.add(fingerprint);
          return done(*std::move(record));
        }
        if (fingerprint == parts_.pki.server_info().fingerprint)
          return done(fail(Errc::conflict,
                           "the server shows this certificate at present: let another intermediate issue "
                           "(ca rotate), which gives the server a new one, and revoke this one then"));
        const WallTime now = parts_.clock.wall_now();
        record->state = CertificateRecord::State::revoked;
        record->revoked_at = unix_milliseconds(now);
        const bool stated = reason != RevocationReason::unspecified;
        record->reason = stated ? reason_name(reason) : kRequested;
        std::vector<store::Change> changes = {
            put_change(DocumentKind::certificate, tenant_, document_of(*record), (*found)->version),
            audit_change(tenant_, now,
                         {.actor = actor,
                          .action = "certificate.revoke",
                          .object = fingerprint,
                          .detail = "of " + record->thing + ": " + record->reason})};
        parts_.repository.write(reply_to, std::move(changes),
                                [this, record = *std::move(record),
                                 done = std::move(done)](Result<std::vector<std::uint64_t>> written) mutable {
                                  if (!written) return done(std::unexpected(written.error()));
                                  parts_.revocations.add(record.fingerprint);
                                  pinned_.remove(record.fingerprint);
                                  done(std::move(record));
                                });
      });
}

void CertificateRegister::note_server(Executor& reply_to, Done<void> done) {
  const ServerIdentity server = parts_.pki.server_identity();
  std::string fingerprint = server.info.fingerprint;
  parts_.repository.get(
      reply_to, DocumentKind::certificate, tenant_.value, std::move(fingerprint),
      [this, &reply_to, info = server.info, chain = server.certificate_chain_pem,
       done = std::move(done)](Result<OptionalDocument> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        if (*found) return done({});
        const auto leaf = certificates_from_pem(chain);
        if (!leaf) return done(std::unexpected(leaf.error()));
        const WallTime now = parts_.clock.wall_now();
        CertificateRecord record = make_record(info, certificate_pem(as_bytes(leaf->front())), {}, now);
        record.use = CertificateRecord::Use::server;
        std::vector<store::Change> changes = {
            put_change(DocumentKind::certificate, tenant_, document_of(record), 0),
            audit_change(tenant_, now,
                         {.actor = "system",
                          .action = "certificate.issue",
                          .object = record.fingerprint,
                          .detail = "for this server"})};
        parts_.repository.write(reply_to, std::move(changes),
                                [done = std::move(done)](Result<std::vector<std::uint64_t>> written) mutable {
                                  // Another call was faster.
                                  const bool there = !written && written.error().code == Errc::conflict;
                                  if (!written && !there) return done(std::unexpected(written.error()));
                                  done({});
                                });
      });
}

void CertificateRegister::get(Executor& reply_to, std::string fingerprint, Done<CertificateRecord> done) {
  parts_.repository.get(reply_to, DocumentKind::certificate, tenant_.value, std::move(fingerprint),
                        [done = std::move(done)](Result<OptionalDocument> found) mutable {
                          if (!found) return done(std::unexpected(found.error()));
                          if (!*found) return done(fail(Errc::not_found, "there is no such certificate"));
                          done(certificate_of(**found));
                        });
}

void CertificateRegister::list(Executor& reply_to, std::string thing, std::string after, std::size_t limit,
                               Done<std::vector<CertificateRecord>> done) {
  store::Query query;
  query.kind = DocumentKind::certificate;
  query.tenant = tenant_.value;
  if (!thing.empty()) query.equals = {{"thing", std::move(thing)}};
  query.after_id = std::move(after);
  query.limit = limit;
  parts_.repository.find(reply_to, std::move(query),
                         [done = std::move(done)](Result<Documents> found) mutable {
                           if (!found) return done(std::unexpected(found.error()));
                           done(records_of(*found));
                         });
}

}  // namespace dunlin::security
