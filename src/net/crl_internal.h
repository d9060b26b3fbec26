#pragma once
// Internal to the room: lists as OpenSSL has them.

#include <openssl/x509.h>

#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dunlin::net {

struct CrlDeleter {
  void operator()(X509_CRL* crl) const { X509_CRL_free(crl); }
};
using CrlPointer = std::unique_ptr<X509_CRL, CrlDeleter>;

/// Errors: as read_crls().
Result<std::vector<CrlPointer>> parse_crls(std::string_view bytes);

}  // namespace dunlin::net
