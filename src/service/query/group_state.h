#pragma once
// Groups and what is known of each: of all rows, or of a part of them. Internal to the room.

#include <cstdint>
#include <vector>

#include "service/query/group.h"

namespace dunlin::query {

/// Groups by the words of their keys: an open table of group numbers.
class GroupTable {
 public:
  explicit GroupTable(std::size_t words) : words_(words), slots_(kFirstSlots, kNone) {}

  std::size_t size() const { return size_; }
  std::uint64_t word(std::size_t group, std::size_t i) const { return keys_[group * words_ + i]; }
  const std::uint64_t* words(std::size_t group) const { return keys_.data() + group * words_; }
  std::size_t bytes() const { return keys_.capacity() * 8 + slots_.capacity() * 4; }

  /// The group of these words; a new one is the last.
  std::size_t group_of(const std::uint64_t* key);

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  static constexpr std::size_t kFirstSlots = 256;

  std::size_t first_slot(const std::uint64_t* key) const;
  void grow();

  std::size_t words_;
  std::size_t size_ = 0;
  std::vector<std::uint64_t> keys_;
  std::vector<std::uint32_t> slots_;
};

/// Errors: limit_exceeded.
Result<void> check_groups(std::size_t groups);

/// One thread at a time. Gives back what it has taken of the budget.
class GroupState {
 public:
  /// The plan must outlive it; so must the workspace.
  GroupState(const GroupPlan& plan, Workspace& space);
  ~GroupState();
  GroupState(const GroupState&) = delete;
  GroupState& operator=(const GroupState&) = delete;

  /// Errors: limit_exceeded.
  Result<void> take(const Batch& batch);
  /// What one of the same plan has of rows behind all of these. Errors: limit_exceeded.
  Result<void> merge(const GroupState& behind);
  std::size_t size() const { return table_.size(); }
  /// There are no more rows.
  void end();

  /// After end(): some of the groups that were not given yet, their keys, then the aggregates.
  Pulled next_groups();

 private:
  struct Columns;
  Columns evaluate(const Batch& batch) const;
  const std::uint64_t* key_at(const Columns& columns, std::size_t row);
  std::size_t group_of(const std::uint64_t* key);
  void add(const Columns& columns, const Batch& batch, std::size_t group, std::size_t begin, std::size_t end);
  Result<void> charge();
  Batch batch(std::size_t begin, std::size_t end) const;
  ColumnPtr key_column(std::size_t key, std::size_t begin, std::size_t end) const;

  const GroupPlan& plan_;
  Workspace& space_;
  std::vector<AggregatePtr> aggregates_;
  std::vector<std::optional<std::size_t>> whole_columns_;  // whose chunks an aggregate takes; none: any
  GroupTable table_;
  std::vector<std::uint64_t> key_;
  std::size_t bytes_per_group_ = 0;
  std::size_t charged_ = 0;
  std::size_t grown_ = 0;
  std::size_t given_ = 0;  // groups
};

}  // namespace dunlin::query
