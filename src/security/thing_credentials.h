#pragma once
// What happens to tokens and certificates when their thing goes.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "security/records.h"
#include "security/revocation.h"
#include "store/repository.h"

namespace dunlin::security {

/// Any thread; completions run on the executor of the call. Must outlive its calls. Errors: io, corrupt,
/// no_space, conflict (someone changed the same record at the same moment).
class ThingCredentials {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;
  struct Parts {
    store::Repository& repository;
    RevocationIndex& revocations;
    const Clock& clock;
    Rng& rng;
  };
  explicit ThingCredentials(Parts parts, TenantId tenant = kDefaultTenant) : parts_(parts), tenant_(tenant) {}

  enum class Occasion : std::uint8_t { removed, decommissioned };
  struct Withdrawal {
    std::vector<store::Change> changes;
    Task stored;  // to be run when the changes are durable
  };
  /// What belongs into the write that removes or decommissions the thing, so that no crash can part them: its
  /// tokens are removed, its certificates revoked (they stay in the list, with the reason), each with an
  /// audit record; a removal has one itself. At most kMaxWithdrawn certificates: the sweep takes the rest of
  /// a removed thing, and those of a decommissioned one are refused.
  void withdraw(Executor& reply_to, Actor actor, std::string thing, Occasion occasion, Done<Withdrawal> done);

  /// Takes out what belongs to no thing, or to a former thing of that name: left by a removal before
  /// withdrawals were, or made at the moment of one. Such credentials are refused anyway. Answers their
  /// number; repeating it changes nothing.
  void sweep(Executor& reply_to, Done<std::size_t> done);

 private:
  class Gathering;
  struct Sweep;
  using SweepRef = std::shared_ptr<Sweep>;  // shared by a sweep's steps; one of them runs at a time
  void next_page(SweepRef sweep);
  void next_document(SweepRef sweep);
  void look_up_thing(SweepRef sweep, std::string name);
  void end_page(SweepRef sweep);

  Parts parts_;
  TenantId tenant_;
};

}  // namespace dunlin::security
