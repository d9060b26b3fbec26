#pragma once
// Which rules a message may concern: by topic, and by what a condition of their WHERE compares with a
// constant.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hub/trie.h"
#include "service/rules/statement.h"

namespace dunlin::rules {

inline constexpr std::size_t kMaxCachedTopics = 8192;
inline constexpr std::size_t kMaxCachedTopicBytes = 256;      // longer ones are looked up each time
inline constexpr std::size_t kMaxCachedCandidates = 200'000;  // of all plans together

/// Rules have the numbers in which they were added. One thread.
class RuleIndex {
 public:
  /// Whether a rule wants to see messages for which its WHERE does not hold.
  enum class Sees : std::uint8_t { matches, everything };

  RuleIndex();
  ~RuleIndex();
  RuleIndex(RuleIndex&&) noexcept;
  RuleIndex& operator=(RuleIndex&&) noexcept;

  /// The statement must stay as long as the index.
  void add(const Statement& statement, Sees sees);

  struct Found {
    std::span<const std::uint32_t> rules;  // whose WHERE may hold, ascending; valid until the next call
    std::size_t followers = 0;             // whose filter matches
  };
  /// For the message that the machine has taken up.
  Found find(Machine& machine);

 private:
  struct Plan;
  struct PathPlan;
  struct Entry {
    const Statement* statement;
    Sees sees;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct NumbersHash {
    std::size_t operator()(const std::vector<std::uint32_t>& numbers) const;
  };
  using PlanRef = std::shared_ptr<const Plan>;  // shared: by all topics with the same rules

  /// How many rules have the same equality, by share_of().
  using Shares = std::unordered_map<std::string, std::size_t>;
  static std::string share_of(const Statement& statement, const Predicate& predicate);
  static const Predicate* best_of(const Statement& statement, const Shares& shares, std::size_t followers);

  PlanRef plan_for(std::string_view topic);
  PlanRef make_plan(std::vector<std::uint32_t> followers);
  void look_up(const PathPlan& path, Machine& machine);

  std::vector<Entry> entries_;
  hub::Trie trie_;
  std::unordered_map<std::string, PlanRef, TextHash, std::equal_to<>> topics_;
  std::unordered_map<std::vector<std::uint32_t>, PlanRef, NumbersHash> plans_;
  std::size_t cached_ = 0;  // followers of all plans
  std::vector<std::uint32_t> found_;
};

}  // namespace dunlin::rules
