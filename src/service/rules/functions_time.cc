#include "service/rules/functions.h"

namespace dunlin::rules {

std::span<const Function> time_functions() {
  return {};
}

}  // namespace dunlin::rules
