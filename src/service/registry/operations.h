#pragma once

#include <vector>

#include "model/operation.h"

namespace dunlin::registry {

/// What the service declares, for clients that render the operations without a service.
std::vector<model::OperationSpec> operations();
/// Of these, the ones of life_operations.cc.
std::vector<model::OperationSpec> life_operations();

}  // namespace dunlin::registry
