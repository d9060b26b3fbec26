// Reads any bytes as an OCSP request, as a revocation list of ours, and as one that comes from outside.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/core/assert.h"
#include "security/crl.h"
#include "security/limits.h"
#include "security/ocsp.h"
#include "security/x509.h"

namespace {

/// An authority, made once.
const std::string& root_pem() {
  using namespace dunlin::security;
  static const std::string kPem = [] {
    const std::string key = generate_key_pem().value();
    CertificateProfile profile;
    profile.kind = CertificateProfile::Kind::root;
    profile.common_name = "Root";
    profile.serial.fill(1);
    profile.not_after = dunlin::from_unix_milliseconds(4'000'000'000'000);
    return sign_certificate(profile, public_key_of(key).value(), {key, {}}).value();
  }();
  return kPem;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin::security;
  const auto request = parse_ocsp_request({data, size});
  if (request) {
    DUNLIN_ASSERT(!request->ids.empty() && request->ids.size() <= kMaxOcspIds);
    DUNLIN_ASSERT(request->nonce.size() <= kMaxOcspNonceBytes);
    for (const OcspCertId& id : request->ids) DUNLIN_ASSERT(!id.der.empty() && id.serial.size() <= 40);
  }
  if (const auto list = read_crl({data, size})) DUNLIN_ASSERT(list->revoked < size);
  // Nobody has the key: what is well formed is another authority's.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  DUNLIN_ASSERT(!check_crl(text, root_pem()));
  return 0;
}
