#include "base/refusal.h"

namespace dunlin {
namespace {

constexpr std::array<std::string_view, kRefusalKinds> kNames{"address_blocked",
                                                             "connection_rate",
                                                             "connection_limit",
                                                             "first_bytes",
                                                             "tls_limit",
                                                             "tls_timeout",
                                                             "tls_failed",
                                                             "certificate_authority",
                                                             "certificate_expired",
                                                             "certificate_revoked",
                                                             "certificate_invalid",
                                                             "certificate_unregistered",
                                                             "connect_timeout",
                                                             "malformed",
                                                             "protocol_error",
                                                             "packet_too_large",
                                                             "memory",
                                                             "client_id",
                                                             "no_credentials",
                                                             "password",
                                                             "second_factor",
                                                             "token",
                                                             "jwt",
                                                             "sas_token",
                                                             "identity_disabled",
                                                             "penalty",
                                                             "server_busy",
                                                             "connect_denied",
                                                             "publish_denied",
                                                             "subscribe_denied",
                                                             "publish_limit",
                                                             "behaviour",
                                                             "tamper",
                                                             "enrolment",
                                                             "http_unauthenticated",
                                                             "http_forbidden"};

}  // namespace

std::string_view refusal_kind_name(RefusalKind kind) {
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace dunlin
