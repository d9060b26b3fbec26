#pragma once
// The stored policy documents, and the engine kept in step with them.

#include <functional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "security/policy.h"
#include "security/records.h"
#include "store/repository.h"

namespace dunlin::security {

struct StoredPolicy {
  std::string name;
  std::string json;
  std::uint64_t version = 0;
};

/// Any thread; completions run on the executor of the call. Must outlive its calls. Changes of the same
/// policy should come from one executor: the engine takes them in the order in which their writes complete.
class PolicyRegister {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;
  PolicyRegister(store::Repository& repository, PolicyEngine& engine, const Clock& clock,
                 TenantId tenant = kDefaultTenant)
      : repository_(repository), engine_(engine), clock_(clock), tenant_(tenant) {}

  /// At start-up, before the first listener: makes the default policies the very first time (a deleted one
  /// stays deleted) and fills the engine. A stored document that cannot be read denies everything to whoever
  /// names it.
  void load(Executor& reply_to, Done<void> done);
  /// Errors: invalid_argument (name), those of Policy::parse, conflict (`expected_version` is not the stored
  /// one; 0: must be new), limit_exceeded (kMaxPolicies).
  void put(Executor& reply_to, Actor actor, StoredPolicy policy,
           std::optional<std::uint64_t> expected_version, Done<StoredPolicy> done);
  /// Errors: not_found.
  void get(Executor& reply_to, std::string name, Done<StoredPolicy> done);
  void list(Executor& reply_to, Done<std::vector<StoredPolicy>> done);
  /// Errors: not_found.
  void remove(Executor& reply_to, Actor actor, std::string name, Done<void> done);

 private:
  void make_defaults(Executor& reply_to, std::size_t set, Done<void> done);
  void write_defaults(Executor& reply_to, std::size_t set, Done<void> done);
  void fill_engine(Executor& reply_to, Done<void> done);

  store::Repository& repository_;
  PolicyEngine& engine_;
  const Clock& clock_;
  TenantId tenant_;
};

}  // namespace dunlin::security
