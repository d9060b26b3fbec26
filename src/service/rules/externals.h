#pragma once
// Functions that ask another system. A service may offer them; until one does, a statement that calls one is
// refused.

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/principal.h"

namespace dunlin::rules {

/// How long an answer may take.
inline constexpr std::chrono::seconds kExternalLimit{2};

/// One thread.
class Externals {
 public:
  virtual ~Externals() = default;
  /// Whether the function (its name in small letters) can be called here.
  virtual bool offers(std::string_view function) const = 0;
  /// Answers once, on the caller's executor and within kExternalLimit, with a JSON text. `arguments` are JSON
  /// texts. Errors: any; the rule fails for the message.
  virtual void ask(TenantId tenant, std::string_view function, std::vector<std::string> arguments,
                   std::move_only_function<void(Result<std::string>)> answered) = 0;
};

}  // namespace dunlin::rules
