#include "platform/provisioning.h"

#include "base/log.h"
#include "service/provision/group_key.h"

namespace dunlin::platform {

Provisioning::Provisioning(Parts parts)
    : pki_(parts.security.pki()),
      enrolment_({parts.executor, parts.repository, parts.registry, pki_, parts.security.certificates(),
                  parts.security.attachments(), parts.security.authenticator().penalties(), authorities_,
                  parts.clock, parts.rng, parts.metrics, std::move(parts.group_secret), &parts.refusals}),
      grants_(enrolment_, authorities_),
      routes_({enrolment_, pki_, std::move(parts.mqtts_port)}) {
  authorities_.on_change([adopt = std::move(parts.adopt)] {
    if (const auto adopted = adopt(); !adopted) {
      log::error("platform", "the listeners trust the same authorities as before",
                 {{"why", adopted.error().message}});
    }
  });
  grants_.end_with(std::move(parts.end_certificates));
  parts.security.authenticator().admit_newcomers(
      [this](Executor&, std::string certificate, std::string asked, std::string address, auto done) {
        enrolment_.admit(std::move(certificate), std::move(asked), std::move(address), std::move(done));
      });
  take_group_keys(parts.security.authenticator());
  parts.security.authenticator().ask_vouchers(
      [this](std::string_view authority, std::string_view certificate_der) {
        return authorities_.is_trusted(authority) || enrolment_.find_voucher(certificate_der, {}).has_value();
      });
}

void Provisioning::take_group_keys(security::Authenticator& authenticator) {
  authenticator.take_group_keys([this](Executor&, std::string group, const std::string& thing, auto done) {
    grants_.read(provision::GrantKind::group, std::move(group),
                 [this, thing, done = std::move(done)](Result<provision::Grant> found) mutable {
                   using Key = std::optional<security::Digest>;
                   if (!found && found.error().code == Errc::not_found) return done(Key());
                   if (!found) return done(std::unexpected(found.error()));
                   if (found->state == provision::Grant::State::disabled) return done(Key());
                   done(Key(provision::device_key(grants_.key_of(*found), thing)));
                 });
  });
}

void Provisioning::declare(model::OperationTable& table) {
  provision::declare(grants_, pki_, table);
}

}  // namespace dunlin::platform
