#pragma once
// Policies: what a principal may connect as, publish, subscribe to and receive. Deny wins; what nothing
// allows is denied.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "hub/principal.h"
#include "security/attachments.h"
#include "security/topic_pattern.h"

namespace dunlin::security {

enum class Action : std::uint8_t { connect, publish, subscribe, receive };
/// "connect", "publish" ...
std::string_view action_name(Action action);

/// "client/TEXT" or "client/TEXT*": a client id, or the beginning of one.
struct ClientPattern {
  enum class Kind : std::uint8_t { exact, prefix } kind = Kind::exact;
  Template text;
};

struct Statement {
  Effect effect = Effect::deny;
  std::uint8_t actions = 0;  // bit (1 << Action)
  std::vector<TopicPattern> topics;
  std::vector<ClientPattern> clients;  // none: mqtt:connect in this statement means every client id
};

/// A document in its compiled form. Immutable.
class Policy {
 public:
  /// docs/security.md describes the document. Errors: malformed (the sentence names the place, e.g.
  /// "statements[2].resources[0]"), limit_exceeded.
  static Result<Policy> parse(std::string_view text);

  std::span<const Statement> statements() const { return statements_; }

 private:
  std::vector<Statement> statements_;
};

enum class Reason : std::uint8_t {
  allowed,            // by `statement` of `policy`
  denied,             // by `statement` of `policy`
  nothing_allows,     // no statement speaks for it
  not_valid,          // no valid topic, filter or client id
  broken_policy,      // a policy that governs the principal cannot be read
  too_many,           // more policies govern it than kMaxPoliciesPerPrincipal
  broken_attachment,  // what is attached to it, its group or its certificate cannot be read
  standing,           // the thing's stage of life, or its quarantine, does not allow what its policies do
};

struct Decision {
  Reason reason = Reason::nothing_allows;
  /// Index into PolicyEngine::policies_of(), for `allowed`, `denied` and `broken_policy`; into bounds(), for
  /// `standing`.
  std::uint16_t policy = 0;
  std::uint16_t statement = 0;  // index into the policy's statements; for `allowed` and `denied`

  bool allowed() const { return reason == Reason::allowed; }
};

/// A policy that governs a principal, and why.
struct GoverningPolicy {
  std::string name;
  std::string from;  // "group line-1": what it is attached to; empty: the principal names it itself
};

/// The policies of the program, by name, and what they are attached to. Changes make a new epoch; readers
/// keep the snapshot they began with. Any thread.
class PolicyEngine {
 public:
  /// Null stands for a document that could not be parsed: who names it is denied everything.
  using PolicyRef = std::shared_ptr<const Policy>;  // shared: by snapshots, on any thread
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };
  using Table = std::unordered_map<std::string, PolicyRef, NameHash, std::equal_to<>>;

  PolicyEngine();
  void replace(Table policies);
  /// A policy of that name takes its place.
  void put(const std::string& name, PolicyRef policy);
  void remove(const std::string& name);
  std::size_t size() const { return snapshot()->policies->size(); }

  /// Each takes the place of what is attached to its subject.
  void attach(std::span<const AttachedRef> changes);
  /// Null: nothing is attached to it.
  AttachedRef attached(const Subject& subject) const { return snapshot()->attachments.share(subject); }
  std::size_t attachments() const { return snapshot()->attachments.size(); }
  /// For an engine that tries something: the attachments of another one.
  void share_attachments(const PolicyEngine& other);

  /// Changes whenever a policy or an attachment does. One atomic load.
  std::uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  /// For whoever watches it; never 0.
  const std::atomic<std::uint64_t>& changes() const { return epoch_; }

  /// `text` is a client id (connect), a topic (publish), a topic or a filter (receive) or a filter
  /// (subscribe;
  /// "$share/GROUP/FILTER" is judged by FILTER). A filter is allowed only if one allowed pattern covers all
  /// its topics and no denied pattern overlaps it. A thing whose standing is not the usual one may do what
  /// its policies and those of its standing (bounds()) allow. Takes no lock but on a thread's first question
  /// after a change, and makes no copy. Judged by are the policies that the principal names, those attached
  /// to it, to the groups of which it is a member, and to the certificate that it has shown. A thread
  /// remembers its last answers (DecisionCache) to principals that are sealed.
  Decision authorize(const Principal& principal, Action action, std::string_view text) const;
  /// What the thing's standing alone allows, whatever its policies say.
  Decision bound(const Principal& thing, Action action, std::string_view text) const;

  /// "denied by statement 2 of policy press, attached to group line-1" and the like, for logs and answers. By
  /// the attachments as they are now.
  std::string explain(const Decision& decision, const Principal& principal) const;
  /// Those that govern it, its own first, each once; at most kMaxPoliciesPerPrincipal.
  std::vector<GoverningPolicy> policies_of(const Principal& principal) const;

 private:
  std::string explain_broken(const Principal& principal) const;
  struct Rules {
    std::shared_ptr<const Table>
        policies;  // shared: with the snapshots before, while only attachments change
    AttachmentTable attachments;
  };
  using Snapshot =
      std::shared_ptr<const Rules>;  // shared: with readers that judge while a writer replaces it
  class Governing;
  Snapshot snapshot() const;
  const Rules& current() const;
  Decision judge(const Principal& principal, Action action, std::string_view text) const;
  static Decision within_bounds(const Table& table, const Principal& principal, Action action,
                                std::string_view text, Decision own);
  void publish(Rules changed);

  const std::uint64_t id_;    // no other engine of this process has had it
  std::mutex writers_;        // one change after the other: a large table is copied without mutex_
  mutable std::mutex mutex_;  // guards rules_
  Snapshot rules_;
  std::atomic<std::uint64_t> epoch_{1};
};

/// The documents made at first start: device, gateway, user, anonymous.
struct DefaultPolicy {
  std::string_view name;
  std::string_view json;
};
std::span<const DefaultPolicy> default_policies();

/// What a standing that is not the usual one leaves of a thing's rights; no bound ever adds any. Stored as
/// policies of these names; one that is not stored counts as it stands here, one that cannot be read denies
/// everything. By place: the stages of Lifecycle (of `operation` and `decommission` the name only: the first
/// bounds nothing, the second allows nothing), then quarantine.
std::span<const DefaultPolicy> bounds();

}  // namespace dunlin::security
