#pragma once
// Finds where a tenant's chain of audit records ends, and whether that is where it should. Internal.

#include <functional>
#include <memory>
#include <string>

#include "security/audit_head.h"
#include "store/repository.h"

namespace dunlin::security {

/// Where the next record goes.
struct AuditTail {
  AuditHead head;
  std::string breach;  // what did not hold; empty: all did
  enum class State : std::uint8_t { present, begins } state = State::present;
};

/// Answers on `executor`. The repository and the key must outlive the call. Errors: the repository's.
void find_audit_tail(store::Repository& repository, Executor& executor, const AuditKey& key,
                     std::uint32_t tenant, std::move_only_function<void(Result<AuditTail>)> done);

}  // namespace dunlin::security
