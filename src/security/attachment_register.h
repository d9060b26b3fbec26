#pragma once
// What is stored of attachments and static groups, and the engine kept in step with it.

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/executor.h"
#include "security/attachments.h"
#include "security/limits.h"
#include "security/policies.h"
#include "security/records.h"
#include "store/repository.h"

namespace dunlin::security {

/// What another one's write takes along.
struct AttachmentCompanion {
  std::vector<store::Change> changes;
  Task stored;  // to be run when they are durable
};

/// One executor's thread, that of the parts; completions run there. Must outlive its calls. Changes are made
/// one after the other, each with its audit record in one write; what is judged by follows the write. Whether
/// the caller may give a policy, the caller of these judges. Errors besides those named: io, no_space,
/// corrupt, unavailable (kMaxAttachmentChanges wait).
class AttachmentRegister {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;
  struct Parts {
    Executor& executor;
    store::Repository& repository;
    PolicyEngine& engine;
    PolicyRegister& policies;
    const Clock& clock;
  };
  explicit AttachmentRegister(Parts parts, TenantId tenant = kDefaultTenant)
      : parts_(parts), tenant_(tenant) {}

  /// At start-up, before the first listener. Who a document is about that cannot be read is denied
  /// everything.
  void load(Done<void> done);

  /// Nothing is changed where it is attached already. Errors: not_found (policy or subject), limit_exceeded
  /// (kMaxPoliciesPerSubject).
  void attach(Actor actor, Subject subject, std::string policy, Done<Attached> done);
  /// "*": all its policies, also where they cannot be read. Errors: not_found (it is not attached).
  void detach(Actor actor, Subject subject, std::string policy, Done<Attached> done);
  /// With no policies and groups where nothing is attached.
  Attached attached(const Subject& subject) const;
  /// To what the policy is attached, sorted, behind `after`.
  void holders(std::string policy, std::string after, std::size_t limit, Done<std::vector<std::string>> done);
  /// PolicyRegister::remove, for a policy that is attached to nothing. Errors: also conflict (the sentence
  /// says where it is attached).
  void remove_policy(Actor actor, std::string policy, Done<void> done);

  /// Errors: invalid_argument, already_exists, limit_exceeded (kMaxGroups).
  void create_group(Actor actor, GroupRecord group, Done<GroupRecord> done);
  std::vector<GroupRecord> groups() const;  // sorted by name
  const GroupRecord* find_group(std::string_view name) const;
  /// Things, sorted, behind `after`.
  void members(std::string group, std::string after, std::size_t limit, Done<std::vector<std::string>> done);
  /// With its attachments; its members leave it before, a page of them in one write. Errors: not_found.
  void remove_group(Actor actor, std::string name, Done<void> done);
  /// Errors: not_found, limit_exceeded (kMaxGroupsPerThing).
  void add_member(Actor actor, std::string group, std::string thing, Done<Attached> done);
  /// Errors: not_found (it is no member).
  void remove_member(Actor actor, std::string group, std::string thing, Done<Attached> done);

  /// Belongs into the write that removes the subject.
  AttachmentCompanion withdraw(Subject subject);
  /// Belongs into the write that makes the thing: it becomes a member of the groups. Errors: not_found (a
  /// group), limit_exceeded.
  Result<AttachmentCompanion> enlist(const std::string& thing, const std::vector<std::string>& groups);
  /// Belongs into the write that makes `heir`, which takes the place of `from`, as a renewed certificate
  /// does: it has the same policies. Errors: corrupt (what is attached to `from` cannot be read).
  Result<AttachmentCompanion> inherit(const Subject& from, Subject heir);

 private:
  /// A change of what is attached to one subject; answers whether there is anything to change.
  struct Edit {
    std::function<Result<bool>(Attached&)> apply;
    std::string action;
    std::string detail;
    enum class Broken : std::uint8_t { refused, taken } broken = Broken::refused;  // what cannot be read
  };

  template <class T>
  void in_turn(Done<T> done, std::move_only_function<void(Done<T>)> step) {
    if (turns_.size() >= kMaxAttachmentChanges) {
      parts_.executor.post([done = std::move(done)]() mutable {
        done(fail(Errc::unavailable, "too many changes of attachments wait; try again"));
      });
      return;
    }
    turns_.emplace_back([this, done = std::move(done), step = std::move(step)]() mutable {
      step([this, done = std::move(done)](Result<T> result) mutable {
        turn_ = Turn::free;
        run_next();
        done(std::move(result));
      });
    });
    run_next();
  }
  void run_next();

  void change(Actor actor, Subject subject, Edit edit, Done<Attached> done);
  void apply(Actor actor, const Subject& subject, const Edit& edit, Done<Attached> done);
  void exists(const Subject& subject, Done<bool> done);
  void keep_if_it_exists(Attached changed, Done<Attached> done);
  void publish(Attached changed);
  void find(std::string_view index, std::string value, std::string after, std::size_t limit,
            Done<std::vector<store::Document>> done);
  void load_groups(std::string after, Done<void> done);
  void load_attachments(std::string after, Done<void> done);
  void empty_group(Actor actor, std::string name, Done<void> done);
  void take_out(Actor actor, std::string name, const std::vector<store::Document>& members, Done<void> done);
  void store_group(Actor actor, GroupRecord group, Done<GroupRecord> done);
  void remove_empty(Actor actor, const std::string& name, Done<void> done);
  store::Change change_of(const Attached& attached) const;
  store::Change audit(Actor actor, std::string action, std::string object, std::string detail = {}) const;

  Parts parts_;
  TenantId tenant_;
  std::map<std::string, GroupRecord, std::less<>> groups_;
  std::deque<Task> turns_;
  enum class Turn : std::uint8_t { free, taken } turn_ = Turn::free;
};

}  // namespace dunlin::security
