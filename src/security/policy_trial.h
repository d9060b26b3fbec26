#pragma once
// "What would the policies say?": asked before anybody is let in or locked out.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/executor.h"
#include "hub/principal.h"
#include "security/policies.h"
#include "security/policy.h"
#include "store/repository.h"

namespace dunlin::security {

struct PolicyQuestion {
  enum class Whose : std::uint8_t { thing, user } whose = Whose::thing;
  std::string name;
  Action action = Action::publish;
  std::string on;  // a topic (publish, receive), filter (subscribe) or client id (connect)
  /// Judged in place of the stored policy of its name, and as if it were attached where it is not.
  std::optional<StoredPolicy> draft{};
};

struct PolicyAnswer {
  bool allowed = false;
  std::string explanation{};  // "denied by statement 2 of policy device"
  std::string policy{};       // that decides; empty: none does
  std::string from{};         // "group line-1": what it is attached to; empty: thing or user names it itself
  std::uint16_t statement = 0;  // of that policy, from 0
  std::string json{};           // that policy's document; empty: none decides
};

/// Any thread; completions run on the executor of the call. Must outlive its calls.
class PolicyTrial {
 public:
  using Done = std::move_only_function<void(Result<PolicyAnswer>)>;
  PolicyTrial(store::Repository& repository, PolicyRegister& policies, const PolicyEngine& engine,
              TenantId tenant = kDefaultTenant)
      : repository_(repository), policies_(policies), engine_(engine), tenant_(tenant) {}

  /// Answers what a connection with a certificate of no special members and a client id of the principal's
  /// own name would be told. Errors: not_found (thing or user), those of Policy::parse (draft).
  void ask(Executor& reply_to, PolicyQuestion question, Done done);

 private:
  struct Trial;
  using TrialPtr = std::unique_ptr<Trial>;
  void gather(TrialPtr trial);
  std::vector<std::string> asked_policies(const Principal& principal) const;
  void judge(TrialPtr trial) const;

  store::Repository& repository_;
  PolicyRegister& policies_;
  const PolicyEngine& engine_;  // for its attachments: policies are read from the records
  TenantId tenant_;
};

}  // namespace dunlin::security
