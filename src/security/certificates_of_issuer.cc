// The certificates of one intermediate or registered authority.
#include <utility>

#include "security/certificates.h"

namespace dunlin::security {
namespace {

constexpr std::size_t kPage = 500;

}  // namespace

void CertificateRegister::active_of(Executor& reply_to, store::Repository::Field whose, std::string after,
                                    Found done) {
  store::Query query;
  query.kind = store::DocumentKind::certificate;
  query.tenant = tenant_.value;
  query.equals = {std::move(whose), {"state", "active"}};
  query.after_id = std::move(after);
  query.limit = kPage;
  parts_.repository.find(reply_to, std::move(query), std::move(done));
}

void CertificateRegister::usable_of(Executor& reply_to, std::string issuer, Done<std::size_t> done) {
  count_page(reply_to, std::move(issuer), "", 0, std::move(done));
}

void CertificateRegister::count_page(Executor& reply_to, std::string issuer, std::string after,
                                     std::size_t counted, Done<std::size_t> done) {
  active_of(reply_to, {"issuer", issuer}, std::move(after),
            [this, &reply_to, issuer, counted,
             done = std::move(done)](Result<std::vector<store::Document>> found) mutable {
              if (!found) return done(std::unexpected(found.error()));
              const std::int64_t now = unix_milliseconds(parts_.clock.wall_now());
              for (const store::Document& document : *found) {
                const auto record = certificate_of(document);
                // An earlier one of the server's proves nothing: its key is gone.
                const bool counts = record && record->use != CertificateRecord::Use::server;
                if (counts && is_usable(*record, now)) ++counted;
              }
              if (found->size() < kPage) return done(counted);
              count_page(reply_to, std::move(issuer), found->back().id, counted, std::move(done));
            });
}

void CertificateRegister::active_of_authority(Executor& reply_to, std::string authority,
                                              Done<std::vector<std::string>> done) {
  gather_active(reply_to, std::move(authority), {}, std::move(done));
}

void CertificateRegister::gather_active(Executor& reply_to, std::string authority,
                                        std::vector<std::string> found, Done<std::vector<std::string>> done) {
  std::string after = found.empty() ? "" : found.back();
  store::Repository::Field whose{"authority", authority};
  active_of(reply_to, std::move(whose), std::move(after),
            [this, &reply_to, authority = std::move(authority), found = std::move(found),
             done = std::move(done)](Result<std::vector<store::Document>> page) mutable {
              if (!page) return done(std::unexpected(page.error()));
              for (store::Document& document : *page) found.push_back(std::move(document.id));
              if (page->size() < kPage) return done(std::move(found));
              gather_active(reply_to, std::move(authority), std::move(found), std::move(done));
            });
}

/// Revocations under way, a page at a time.
struct CertificateRegister::Mass {
  Executor& reply_to;
  Actor actor;
  std::string issuer;
  Done<std::vector<CertificateRecord>> done;
  std::vector<CertificateRecord> revoked{};
};

void CertificateRegister::revoke_of(Executor& reply_to, Actor actor, std::string issuer,
                                    Done<std::vector<CertificateRecord>> done) {
  // shared: by the steps, one of which runs at a time.
  revoke_page(std::make_shared<Mass>(Mass{reply_to, std::move(actor), std::move(issuer), std::move(done)}));
}

void CertificateRegister::revoke_page(std::shared_ptr<Mass> mass) {
  // Always the first page: what is revoked is not found again.
  active_of(
      mass->reply_to, {"issuer", mass->issuer}, "", [this, mass](Result<std::vector<store::Document>> found) {
        if (!found) return mass->done(std::unexpected(found.error()));
        const WallTime now = parts_.clock.wall_now();
        std::vector<store::Change> changes;
        std::vector<CertificateRecord> page;
        for (const store::Document& document : *found) {
          auto record = certificate_of(document);
          if (!record) continue;
          record->state = CertificateRecord::State::revoked;
          record->revoked_at = unix_milliseconds(now);
          record->reason = reason_name(RevocationReason::superseded);
          changes.push_back(
              put_change(store::DocumentKind::certificate, tenant_, document_of(*record), document.version));
          changes.push_back(audit_change(tenant_, now,
                                         {.actor = mass->actor,
                                          .action = "certificate.revoke",
                                          .object = record->fingerprint,
                                          .detail = "with its intermediate, of " + record->thing}));
          page.push_back(*std::move(record));
        }
        if (changes.empty()) return mass->done(std::move(mass->revoked));
        parts_.repository.write(
            mass->reply_to, std::move(changes),
            [this, mass, page = std::move(page)](Result<std::vector<std::uint64_t>> written) mutable {
              if (!written) return mass->done(std::unexpected(written.error()));
              for (CertificateRecord& record : page) {
                parts_.revocations.add(record.fingerprint);
                record.pem.clear();  // they may be many
                mass->revoked.push_back(std::move(record));
              }
              revoke_page(mass);
            });
      });
}

}  // namespace dunlin::security
