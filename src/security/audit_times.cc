#include "security/audit_times.h"

#include "security/limits.h"

namespace dunlin::security {

std::uint64_t AuditTimes::block_of(std::uint64_t sequence) {
  return sequence - sequence % kAuditPage;
}

void AuditTimes::learn(std::uint32_t tenant, std::uint64_t block, std::int64_t oldest, std::int64_t newest) {
  if (blocks_.size() < kMaxAuditTimes) blocks_[{tenant, block}] = {oldest, newest};
}

bool AuditTimes::excludes(std::uint32_t tenant, std::uint64_t block, Range range) const {
  if (range.from == 0 && range.until == 0) return false;
  const auto found = blocks_.find({tenant, block});
  if (found == blocks_.end()) return false;
  const auto& [oldest, newest] = found->second;
  return newest < range.from || (range.until != 0 && oldest >= range.until);
}

}  // namespace dunlin::security
