// The part of CertificateRegister for certificates that are taken by themselves.
#include <algorithm>
#include <utility>

#include "base/hex.h"
#include "security/certificates.h"

namespace dunlin::security {
namespace {

using store::DocumentKind;
using OptionalDocument = std::optional<store::Document>;
using Documents = std::vector<store::Document>;
constexpr std::size_t kPage = 500;

/// 64 digits in lower case. Errors: invalid_argument.
Result<std::string> plain_fingerprint(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c == ':') continue;
    plain += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  const auto bytes = from_hex(plain);
  if (bytes && bytes->size() == Digest().size()) return plain;
  return fail(Errc::invalid_argument, "a fingerprint is SHA-256 in 64 hexadecimal digits");
}

/// What will be stored. Errors: invalid_argument, malformed.
Result<CertificateRecord> record_of(const CertificateRegister::NewPin& wanted, WallTime now) {
  if (wanted.certificate_pem.empty() == wanted.fingerprint.empty())
    return fail(Errc::invalid_argument, "send either the certificate or its fingerprint");
  CertificateRecord record;
  if (!wanted.fingerprint.empty()) {
    DUNLIN_TRY(record.fingerprint, plain_fingerprint(wanted.fingerprint));
    record.thing = wanted.thing;
    record.not_before = record.created_at = unix_milliseconds(now);
    record.not_after = unix_milliseconds(now + kMaxDeviceLifetime);
  } else {
    DUNLIN_TRY(const auto ders, certificates_from_pem(wanted.certificate_pem));
    if (ders.size() != 1) return fail(Errc::invalid_argument, "send the thing's certificate alone");
    DUNLIN_TRY(const CertificateInfo info, parse_certificate(as_bytes(ders.front())));
    if (info.not_after <= now) return fail(Errc::invalid_argument, "the certificate has expired");
    record = make_record(info, wanted.certificate_pem, wanted.thing, now);
  }
  record.authority = kPinned;
  record.issuer.clear();
  return record;
}

}  // namespace

bool CertificateRegister::is_pinned(ByteView der) const {
  if (pinned_.empty()) return false;
  const std::string fingerprint = sha256_hex(der);
  return pinned_.contains(fingerprint) && !parts_.revocations.is_revoked(fingerprint);
}

void CertificateRegister::pin(Executor& reply_to, Actor actor, NewPin wanted, Done<CertificateRecord> done) {
  auto record = record_of(wanted, parts_.clock.wall_now());
  if (!record) {
    return reply_to.post([done = std::move(done), error = record.error()]() mutable {
      done(std::unexpected(std::move(error)));
    });
  }
  std::string thing = record->thing;
  parts_.repository.get(reply_to, DocumentKind::thing, tenant_.value, thing,
                        [=, this, &reply_to, record = *std::move(record),
                         done = std::move(done)](Result<OptionalDocument> found) mutable {
                          if (!found) return done(std::unexpected(found.error()));
                          if (!*found) return done(fail(Errc::not_found, "there is no thing " + thing));
                          check_room(reply_to, thing,
                                     [this, &reply_to, actor, record = std::move(record),
                                      done = std::move(done)](Result<void> fits) mutable {
                                       if (!fits) return done(std::unexpected(fits.error()));
                                       store_pin(reply_to, actor, std::move(record), std::move(done));
                                     });
                        });
}

void CertificateRegister::store_pin(Executor& reply_to, const Actor& actor, CertificateRecord record,
                                    Done<CertificateRecord> done) {
  std::vector<store::Change> changes = {
      put_change(DocumentKind::certificate, tenant_, document_of(record), 0),
      audit_change(tenant_, parts_.clock.wall_now(),
                   {.actor = actor,
                    .action = "certificate.pin",
                    .object = record.fingerprint,
                    .detail = "for " + record.thing})};
  parts_.repository.write(
      reply_to, std::move(changes),
      [this, record = std::move(record),
       done = std::move(done)](Result<std::vector<std::uint64_t>> written) mutable {
        if (!written && written.error().code == Errc::conflict)
          return done(fail(Errc::already_exists, "this certificate is registered already"));
        if (!written) return done(std::unexpected(written.error()));
        pinned_.add(record.fingerprint);
        done(std::move(record));
      });
}

void CertificateRegister::load_pinned(Executor& reply_to, std::string after, Done<void> done) {
  store::Query query;
  query.kind = DocumentKind::certificate;
  query.tenant = tenant_.value;
  query.equals = {{"pinned", "yes"}, {"state", "active"}};
  query.after_id = std::move(after);
  query.limit = kPage;
  parts_.repository.find(reply_to, std::move(query),
                         [this, &reply_to, done = std::move(done)](Result<Documents> found) mutable {
                           if (!found) return done(std::unexpected(found.error()));
                           for (const store::Document& document : *found) pinned_.add(document.id);
                           if (found->size() < kPage) return done({});
                           load_pinned(reply_to, found->back().id, std::move(done));
                         });
}

}  // namespace dunlin::security
