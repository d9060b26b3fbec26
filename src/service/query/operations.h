#pragma once

#include <vector>

#include "model/operation.h"

namespace dunlin::query {

/// What the service declares, for clients that render the operations without a service.
std::vector<model::OperationSpec> operations();

}  // namespace dunlin::query
