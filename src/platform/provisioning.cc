#include "platform/provisioning.h"

#include "base/log.h"

namespace dunlin::platform {

Provisioning::Provisioning(Parts parts)
    : pki_(parts.security.pki()),
      enrolment_({parts.executor, parts.repository, parts.registry, pki_, parts.security.certificates(),
                  parts.security.authenticator().penalties(), authorities_, parts.clock, parts.rng,
                  parts.metrics, std::move(parts.group_secret)}),
      grants_(enrolment_, authorities_),
      routes_({enrolment_, pki_, std::move(parts.mqtts_port)}) {
  authorities_.on_change([adopt = std::move(parts.adopt)] {
    if (const auto adopted = adopt(); !adopted) {
      log::error("platform", "the listeners trust the same authorities as before",
                 {{"why", adopted.error().message}});
    }
  });
  parts.security.authenticator().admit_newcomers(
      [this](Executor&, std::string certificate, std::string asked, std::string address, auto done) {
        enrolment_.admit(std::move(certificate), std::move(asked), std::move(address), std::move(done));
      });
}

void Provisioning::declare(model::OperationTable& table) {
  provision::declare(grants_, pki_, table);
}

}  // namespace dunlin::platform
