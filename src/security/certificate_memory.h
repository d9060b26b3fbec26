#pragma once
// What certificates say, of those shown last: a device shows the same one each time it connects, and OpenSSL
// takes long to decode one.

#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>

#include "security/x509.h"

namespace dunlin::security {

/// Any thread.
class CertificateMemory {
 public:
  explicit CertificateMemory(std::size_t most) : most_(most) {}

  /// What parse_certificate() answers. Errors are not remembered.
  Result<CertificateInfo> read(ByteView der);
  std::size_t size() const;

 private:
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, CertificateInfo> known_;  // by fingerprint
  std::deque<const std::string*> by_age_;                   // the keys above
};

}  // namespace dunlin::security
