#include "security/certificate_memory.h"

#include "security/crypto.h"

namespace dunlin::security {

Result<CertificateInfo> CertificateMemory::read(ByteView der) {
  const std::string fingerprint = sha256_hex(der);
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = known_.find(fingerprint); found != known_.end()) return found->second;
  }
  DUNLIN_TRY(CertificateInfo info, parse_certificate(der));
  const std::scoped_lock lock(mutex_);
  const auto [place, fresh] = known_.emplace(fingerprint, info);
  if (fresh) by_age_.push_back(&place->first);
  if (by_age_.size() > most_) {
    known_.erase(known_.find(*by_age_.front()));
    by_age_.pop_front();
  }
  return info;
}

std::size_t CertificateMemory::size() const {
  const std::scoped_lock lock(mutex_);
  return known_.size();
}

}  // namespace dunlin::security
