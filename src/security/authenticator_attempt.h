#pragma once
// One authentication under way. Internal to Authenticator.

#include <cstdint>
#include <optional>
#include <string>

#include "security/authenticator.h"
#include "security/x509.h"

namespace dunlin::security {

struct Authenticator::Attempt {
  Executor* reply_to = nullptr;
  Credentials credentials;
  AuthenticationDone done;
  Proof proof = Proof::none;
  std::optional<CertificateInfo> certificate;  // that has proven it
  std::string authority;                       // that vouches for the certificate; empty: our own, or pinned
  RefusalKind refused_as = RefusalKind::no_credentials;
  std::string penalty_key;      // empty: failures cost nothing
  std::string person;           // whom a refusal is told of; empty: it is no person's token
  std::int64_t proof_ends = 0;  // Unix ms; 0: never
};

}  // namespace dunlin::security
