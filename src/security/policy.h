#pragma once
// Policies: what a principal may connect as, publish, subscribe to and receive. Deny wins; what nothing
// allows is denied.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/principal.h"
#include "security/topic_pattern.h"

namespace dunlin::security {

enum class Action : std::uint8_t { connect, publish, subscribe, receive };
/// "connect", "publish" ...
std::string_view action_name(Action action);

/// "client/TEXT" or "client/TEXT*": a client id, or the beginning of one.
struct ClientPatternSource {
  enum class Kind : std::uint8_t { exact, prefix } kind = Kind::exact;
  Template text;
};

struct Statement {
  Effect effect = Effect::deny;
  std::uint8_t actions = 0;  // bit (1 << Action)
  std::vector<TopicPatternSource> topics;
  std::vector<ClientPatternSource> clients;  // none: mqtt:connect in this statement means every client id
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
  allowed,         // by `statement` of `policy`
  denied,          // by `statement` of `policy`
  nothing_allows,  // no statement speaks for it
  not_valid,       // no valid topic, filter or client id
  broken_policy,   // a policy that the principal names cannot be read, or it names too many
};

struct Decision {
  Reason reason = Reason::nothing_allows;
  std::uint16_t policy = 0;     // index into Principal::policies; for `allowed`, `denied` and `broken_policy`
  std::uint16_t statement = 0;  // index into the policy's statements; for `allowed` and `denied`

  bool allowed() const { return reason == Reason::allowed; }
};

/// "denied by statement 2 of policy device" and the like, for logs and answers.
std::string explain(const Decision& decision, const Principal& principal);

/// The policies of one principal with its variables replaced. Immutable; any thread.
class BoundPolicy {
 public:
  /// `text` is a client id (connect), a topic (publish, receive) or a filter (subscribe;
  /// "$share/GROUP/FILTER" is judged by FILTER). A subscription is allowed only if one allowed pattern covers
  /// all topics of the filter and no denied pattern overlaps it.
  Decision authorize(Action action, std::string_view text) const;

  /// Whether every topic that the filter matches may be received: then deliveries for it need no check of
  /// their own.
  bool receives_all(std::string_view filter) const;

 private:
  friend class PolicyEngine;
  struct ClientPattern {
    ClientPatternSource::Kind kind = ClientPatternSource::Kind::exact;
    std::string text;
  };
  struct Rule {
    std::uint8_t actions = 0;
    std::uint16_t policy = 0;
    std::uint16_t statement = 0;
    std::vector<TopicPattern> topics;
    std::vector<ClientPattern> clients;
    bool any_client = false;
  };
  void add(const Statement& statement, std::uint16_t policy, std::uint16_t index, const Principal& principal);
  Decision judge_filter(Action action, std::string_view filter) const;

  std::vector<Rule> allow_;
  std::vector<Rule> deny_;
  Decision broken_;  // reason broken_policy: everything is denied
};

/// The policies of the program, by name. Changes make a new epoch; readers keep the snapshot they began with.
/// Any thread.
class PolicyEngine {
 public:
  /// Null stands for a document that could not be parsed: who names it is denied everything.
  using PolicyRef = std::shared_ptr<const Policy>;  // shared: by snapshots, on any thread
  using Table = std::map<std::string, PolicyRef, std::less<>>;

  PolicyEngine();
  void replace(Table policies);
  /// A policy of that name takes its place.
  void put(const std::string& name, PolicyRef policy);
  void remove(const std::string& name);

  /// Changes whenever a policy does. One atomic load.
  std::uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }

  /// The rules of this principal as of now. A name without a policy adds nothing. Shared: kept per
  /// connection.
  std::shared_ptr<const BoundPolicy> bind(const Principal& principal) const;

  /// For a single question; whoever asks often keeps an Authorizer.
  Decision authorize(const Principal& principal, Action action, std::string_view text) const {
    return bind(principal)->authorize(action, text);
  }

 private:
  using Snapshot = std::shared_ptr<const Table>;  // shared: with readers that bind while a writer replaces it
  Snapshot snapshot() const;

  mutable std::mutex mutex_;  // guards table_; taken to bind and to change, never to judge
  Snapshot table_;
  std::atomic<std::uint64_t> epoch_{1};
};

/// The rights of one connection: binds once and again after a change, judges without a lock. One thread at a
/// time.
class Authorizer {
 public:
  /// `engine` must outlive the object.
  Authorizer(const PolicyEngine& engine, PrincipalRef principal)
      : engine_(&engine), principal_(std::move(principal)) {}

  Decision authorize(Action action, std::string_view text) { return current().authorize(action, text); }
  bool receives_all(std::string_view filter) { return current().receives_all(filter); }
  /// The epoch of the rules last used; a different engine epoch means that earlier answers may be stale.
  std::uint64_t epoch() const { return epoch_; }
  const PrincipalRef& principal() const { return principal_; }

 private:
  const BoundPolicy& current();

  const PolicyEngine* engine_;
  PrincipalRef principal_;
  std::uint64_t epoch_ = 0;
  std::shared_ptr<const BoundPolicy> bound_;
};

/// The documents made at first start: device, gateway, user, anonymous.
struct DefaultPolicy {
  std::string_view name;
  std::string_view json;
};
std::span<const DefaultPolicy> default_policies();

}  // namespace dunlin::security
