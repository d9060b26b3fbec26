#pragma once
// Enrolment as operations: authorities, codes, claim certificates, groups, the approval queue.

#include <vector>

#include "model/operation.h"
#include "service/provision/grants.h"

namespace dunlin::provision {

/// Declares authority.*, code.*, claim.*, keygroup.* and enrolment.*. Both must outlive the table.
void declare(Grants& grants, const security::Pki& pki, model::OperationTable& table);

/// What declare() adds, for clients that render the operations without a server.
std::vector<model::OperationSpec> operations();

}  // namespace dunlin::provision
