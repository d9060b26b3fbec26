#include "platform/certificate_renewal.h"

#include "base/log.h"

namespace dunlin::platform {

CertificateRenewal::CertificateRenewal(Parts parts, Adopt adopt)
    : parts_(parts),
      adopt_(std::move(adopt)),
      renewed_(parts.metrics.counter("dunlin_server_certificate_renewals_total",
                                     "Times the server's certificate was made anew while it ran")),
      failed_(parts.metrics.counter("dunlin_server_certificate_renewal_failures_total",
                                    "Daily looks at the server's certificate that failed")) {}

void CertificateRenewal::start() {
  parts_.executor.schedule(kRenewalInterval, [this] {
    look();
    start();
  });
}

void CertificateRenewal::look() {
  parts_.workers.run([this] {
    // A list that is missing for a day is no reason not to look at the certificate.
    if (const auto list = parts_.pki.renew_root_list_if_due(); !list)
      log::error("platform", "the root's revocation list could not be made anew",
                 {{"why", list.error().message}});
    auto result = parts_.pki.renew_server_certificate_if_due();
    parts_.executor.post([this, result = std::move(result)]() mutable { looked(std::move(result)); });
  });
}

void CertificateRenewal::looked(Result<security::Renewal> result) {
  if (!result) {
    failed_.add();
    return log::error("platform", "the server's certificate could not be renewed",
                      {{"why", result.error().message}});
  }
  if (*result == security::Renewal::renewed) {
    renewed_.add();
    adoption_ = Adoption::owed;
    log::info("platform", "the server's certificate was renewed");
  }
  if (adoption_ == Adoption::done) return;
  if (const auto adopted = adopt_(); !adopted) {
    failed_.add();
    return log::error("platform", "the renewed certificate cannot be used",
                      {{"why", adopted.error().message}});
  }
  adoption_ = Adoption::done;
}

}  // namespace dunlin::platform
