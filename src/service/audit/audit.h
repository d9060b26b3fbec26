#pragma once
// The audit log as operations: list, export, verify. What it is and promises: docs/security.md. Writing it is
// everybody's own matter (security/audit.h); this reads.

#include "model/operation.h"
#include "security/audit_log.h"

namespace dunlin::audit {

/// Records in one page of an export.
inline constexpr std::int64_t kMaxExported = 1000;

/// Declares audit.list, audit.export, audit.verify and audit.progress. The log must outlive the table.
void declare(security::AuditLog& log, model::OperationTable& table);

/// What declare() adds, for clients that render the operations without a server.
std::vector<model::OperationSpec> operations();

}  // namespace dunlin::audit
