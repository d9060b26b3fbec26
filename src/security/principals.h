#pragma once
// Who a stored thing or user is to the rest of the program.

#include <string_view>

#include "hub/principal.h"
#include "security/records.h"
#include "security/x509.h"

namespace dunlin::security {

/// Variables of connections that have proven themselves by a certificate, as attributes that no thing can
/// have of itself.
inline constexpr std::string_view kCertificateAttributes = "$certificate.";

/// Without what its connection adds: tenant, proof, fingerprint, client id, expiry.
Principal principal_of_thing(ThingRecord thing);
/// Without permissions: those are the roles', too (RoleTable).
Principal principal_of_user(UserRecord user);
/// The certificate by which it has proven itself: fingerprint, and common_name, serial and issuer as
/// attributes.
void show_certificate(Principal& principal, const CertificateInfo& certificate);

}  // namespace dunlin::security
