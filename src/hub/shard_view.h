#pragma once
// One shard's answers to HubView.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "hub/shard.h"
#include "hub/view.h"

namespace dunlin::hub {

/// Keeps the rows with the smallest keys behind `after`, and counts all.
template <class Row>
class Smallest {
 public:
  Smallest(std::string after, std::size_t limit) : after_(std::move(after)), limit_(limit) {}
  /// Whether a row with this key belongs to the page so far.
  bool offer(const std::string& key) {
    if (key <= after_) return false;
    ++matched_;
    return rows_.size() < limit_ || key < rows_.front().first;
  }
  void add(std::string key, Row row) {
    rows_.emplace_back(std::move(key), std::move(row));
    std::ranges::push_heap(rows_, by_key);
    if (rows_.size() <= limit_) return;
    std::ranges::pop_heap(rows_, by_key);
    rows_.pop_back();
  }
  void merge(Smallest other) {
    matched_ += other.matched_;
    for (auto& [key, row] : other.rows_) add(std::move(key), std::move(row));
  }
  std::size_t matched() const { return matched_; }
  /// In order.
  std::vector<std::pair<std::string, Row>> take() {
    std::ranges::sort_heap(rows_, by_key);
    return std::move(rows_);
  }

 private:
  static bool by_key(const std::pair<std::string, Row>& a, const std::pair<std::string, Row>& b) {
    return a.first < b.first;
  }
  std::string after_;
  std::size_t limit_;
  std::size_t matched_ = 0;
  std::vector<std::pair<std::string, Row>> rows_;  // a heap, the largest key first
};

/// Sorts as numbers do, the largest first.
std::string falling(std::uint64_t number);

/// The shard's thread only; `done` runs there, in a later turn or at once.
class ShardView {
 public:
  explicit ShardView(Shard& shard) : shard_(shard) {}

  using SessionRows = Smallest<SessionView>;
  using SubscriptionRows = Smallest<SubscriptionView>;
  using GroupRows = Smallest<GroupView>;
  void sessions(SessionQuery query, std::move_only_function<void(SessionRows)> done);
  void subscriptions(SubscriptionQuery query, std::move_only_function<void(SubscriptionRows)> done);
  void retained(RetainedQuery query, std::move_only_function<void(std::vector<MessageRef>)> done);
  std::optional<SessionView> session(TenantId tenant, const std::string& client_id);
  std::optional<DeliveryFacts> facts(TenantId tenant, const std::string& client_id, std::string_view topic);
  Result<SessionCondition> end(TenantId tenant, const std::string& client_id, HubView::State state,
                               const std::string& detail);

  // Groups of shared subscriptions (shard_group_view.cc).
  void groups(GroupQuery query, std::move_only_function<void(GroupRows)> done);
  /// With its members, but for what their own shards know of them.
  std::optional<GroupView> group(TenantId tenant, const std::string& name, const PrincipalRef& publisher);
  /// In the order of the references; nobody where a session has gone.
  struct Who {
    std::string client_id;
    std::string thing;
  };
  std::vector<Who> names_of(const std::vector<SessionRef>& sessions);
  enum class Removal : std::uint8_t { messages, group };
  void remove_of_group(TenantId tenant, const std::string& name, Removal what,
                       std::move_only_function<void(Result<GroupLoss>)> done);
  void drop_membership(SessionRef member, const std::string& filter,
                       std::move_only_function<void(Result<void>)> done);

 private:
  struct SessionScan;
  struct SubscriptionScan;
  struct RetainedScan;
  struct GroupScan;
  void step(std::shared_ptr<GroupScan> scan);
  GroupView group_view_of(const Session& session, const Principal* publisher) const;
  void step(std::shared_ptr<SessionScan> scan);
  void step(std::shared_ptr<SubscriptionScan> scan);
  void step(std::shared_ptr<RetainedScan> scan);
  Session* find(TenantId tenant, const std::string& client_id) const;
  bool matches(const SessionQuery& query, const Session& session, SessionCondition condition) const;
  SessionCondition condition_of(const Session& session) const;
  /// Of the message that has waited longest; the epoch: none waits.
  WallTime waiting_since(const Session& session) const;
  static std::size_t queued_of(const Session& session);
  std::string slow_reason(const Session& session) const;
  SessionView view_of(const Session& session) const;

  Shard& shard_;
};

}  // namespace dunlin::hub
