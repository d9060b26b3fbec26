// Reads any bytes as an OCSP request, and as a revocation list of ours.
#include <cstddef>
#include <cstdint>

#include "base/core/assert.h"
#include "security/crl.h"
#include "security/limits.h"
#include "security/ocsp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin::security;
  const auto request = parse_ocsp_request({data, size});
  if (request) {
    DUNLIN_ASSERT(!request->ids.empty() && request->ids.size() <= kMaxOcspIds);
    DUNLIN_ASSERT(request->nonce.size() <= kMaxOcspNonceBytes);
    for (const OcspCertId& id : request->ids) DUNLIN_ASSERT(!id.der.empty() && id.serial.size() <= 40);
  }
  if (const auto list = read_crl({data, size})) DUNLIN_ASSERT(list->revoked < size);
  return 0;
}
