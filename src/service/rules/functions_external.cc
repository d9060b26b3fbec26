#include <array>

#include "service/rules/functions.h"

namespace dunlin::rules {
namespace {

constexpr std::array<Function, 6> kFunctions{{{"aws_lambda", 2, 2, nullptr},
                                              {"get_dynamodb", 4, 6, nullptr},
                                              {"get_secret", 3, 4, nullptr},
                                              {"get_thing_shadow", 2, 3, nullptr},
                                              {"get_registry_data", 3, 3, nullptr},
                                              {"machinelearning_predict", 3, 3, nullptr}}};

}  // namespace

std::span<const Function> external_functions() {
  return kFunctions;
}

}  // namespace dunlin::rules
