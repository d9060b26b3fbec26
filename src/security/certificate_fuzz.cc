// Reads any bytes as a certificate, a chain in PEM and a request.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/core/assert.h"
#include "security/names.h"
#include "security/x509.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::security;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto info = parse_certificate({data, size});
  if (info) {
    DUNLIN_ASSERT(info->fingerprint.size() == 64);
    DUNLIN_ASSERT(info->thing_name.empty() || check_thing_name(info->thing_name));
    // Nothing signs for itself: no input may be accepted against an empty list of authorities.
    DUNLIN_ASSERT(!verify_chain({.leaf_der = text,
                                 .intermediates_pem = {},
                                 .anchors_pem = {},
                                 .purpose = Purpose::client,
                                 .at = info->not_before}));
  }
  if (certificates_from_pem(text)) DUNLIN_ASSERT(size > 0);
  if (const auto key = public_key_of_csr(text)) DUNLIN_ASSERT(!key->empty());
  return 0;
}
