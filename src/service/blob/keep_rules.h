#pragma once
// How long blobs are kept whose sender does not say.

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace dunlin::blob {

struct KeepRule {
  std::string media_type;  // with a * at its end: those that begin so
  std::string device;      // likewise; empty: any, also blobs of no device
  Duration keep{};         // 0: for ever
};

struct KeepRules {
  std::vector<KeepRule> rules{};
  Duration otherwise{};  // where no rule fits; 0: for ever
};

/// The rule with the longer pattern of a device counts, then the longer media type, then the first.
Duration keep_of(const KeepRules& rules, std::string_view media_type, std::string_view device);

/// Errors: invalid_argument, limit_exceeded, with what is wrong.
Result<void> check(const KeepRules& rules);

}  // namespace dunlin::blob
