#include "security/certificate_retirement.h"

#include <utility>
#include <vector>

#include "base/log.h"

namespace dunlin::security {
namespace {

constexpr std::size_t kPage = 500;
constexpr Duration kHour = std::chrono::hours{1};

store::Repository::Field hour_of(WallTime time) {
  return {std::string(kRetiresIn), retirement_hour(unix_milliseconds(time))};
}

}  // namespace

void CertificateRetirement::start() {
  looked_ = parts_.clock.wall_now();
  look_at({std::string(kRetiring), "yes"}, "", [this] { look_later(); });
}

void CertificateRetirement::look_later() {
  parts_.executor.schedule(kRetirementInterval, [this] { look(); });
}

void CertificateRetirement::look() {
  const WallTime now = parts_.clock.wall_now();
  // The machine slept, or its clock was set.
  if (now < looked_ || now - looked_ > kHour) return start();
  looked_ = now;
  look_at(hour_of(now - kHour), "", [this, now] { look_at(hour_of(now), "", [this] { look_later(); }); });
}

void CertificateRetirement::look_at(store::Repository::Field which, std::string after, Task next) {
  store::Query query;
  query.kind = store::DocumentKind::certificate;
  query.tenant = tenant_.value;
  query.equals = {which};
  query.after_id = std::move(after);
  query.limit = kPage;
  parts_.repository.find(parts_.executor, std::move(query),
                         [this, which = std::move(which),
                          next = std::move(next)](Result<std::vector<store::Document>> found) mutable {
                           if (!found || found->empty()) return next();  // the next look comes
                           std::string last = found->size() < kPage ? "" : found->back().id;
                           if (last.empty()) return retire(*found, std::move(next));
                           retire(*found, [this, which = std::move(which), last = std::move(last),
                                           next = std::move(next)]() mutable {
                             look_at(std::move(which), std::move(last), std::move(next));
                           });
                         });
}

/// Those of the page whose time is over.
void CertificateRetirement::retire(const std::vector<store::Document>& page, Task next) {
  const WallTime now = parts_.clock.wall_now();
  std::vector<store::Change> changes;
  std::vector<std::string> over;
  for (const store::Document& stored : page) {
    auto record = certificate_of(stored);
    if (!record || !is_retired(*record, unix_milliseconds(now))) continue;
    record->state = CertificateRecord::State::revoked;
    record->revoked_at = record->retires_at;
    record->reason = reason_name(RevocationReason::superseded);
    changes.push_back(
        put_change(store::DocumentKind::certificate, tenant_, document_of(*record), stored.version));
    changes.push_back(audit_change(tenant_, now,
                                   {.actor = "system",
                                    .action = "certificate.revoke",
                                    .object = record->fingerprint,
                                    .detail = "of " + record->thing + ": renewed, and its overlap is over"}));
    over.push_back(record->fingerprint);
  }
  if (changes.empty()) return next();
  parts_.repository.write(parts_.executor, std::move(changes),
                          [this, over = std::move(over), next = std::move(next)](auto written) mutable {
                            if (written) {
                              for (std::string& fingerprint : over)
                                parts_.revocations.add(std::move(fingerprint));
                            } else {
                              // They are refused all the same, and OCSP says so; the next look tries again.
                              log::warning("security", "renewed certificates are not marked as revoked yet",
                                           {{"why", written.error().message}});
                            }
                            next();
                          });
}

}  // namespace dunlin::security
