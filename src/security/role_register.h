#pragma once
// The stored roles of one's own, and the RoleTable kept in step with them.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "security/roles.h"
#include "store/repository.h"

namespace dunlin::security {

/// What is not set stays as it is.
struct RoleChange {
  std::optional<std::string> about{};
  std::optional<std::vector<std::string>> permissions{};
};

/// Any thread; completions run on the executor of the call. Must outlive its calls. `actor` is who asks, for
/// the audit record that goes into the same write. Whether the caller may give what is in a role, the caller
/// of these judges. Errors besides those named: io, no_space, corrupt, conflict (someone changed the same
/// role at the same moment).
class RoleRegister {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;
  RoleRegister(store::Repository& repository, RoleTable& table, const Clock& clock,
               TenantId tenant = kDefaultTenant)
      : repository_(repository), table_(table), clock_(clock), tenant_(tenant) {}

  /// At start-up, before the first listener. A stored role that cannot be read gives nothing.
  void load(Executor& reply_to, Done<void> done);
  /// Errors: invalid_argument, already_exists (also a built-in one), limit_exceeded (kMaxRoles).
  void create(Executor& reply_to, Actor actor, RoleRecord role, Done<Role> done);
  /// Errors: not_found, invalid_argument, permission_denied (a built-in one).
  void change(Executor& reply_to, Actor actor, std::string name, RoleChange change, Done<Role> done);
  /// Errors: not_found, permission_denied (a built-in one), conflict (somebody has it; the sentence says
  /// who).
  void remove(Executor& reply_to, Actor actor, std::string name, Done<void> done);

  /// Hands the names of users that have the role, or a token with it, to `each`; a name may come twice.
  void for_each_holder(Executor& reply_to, std::string role,
                       std::move_only_function<void(const std::string& user)> each, Done<void> done);

  const RoleTable& table() const { return table_; }

 private:
  class Walk;
  void write(Executor& reply_to, std::vector<store::Change> changes, Done<std::uint64_t> done);
  void remove_closed(Executor& reply_to, Actor actor, std::string name, Done<void> done);

  store::Repository& repository_;
  RoleTable& table_;
  const Clock& clock_;
  TenantId tenant_;
};

}  // namespace dunlin::security
