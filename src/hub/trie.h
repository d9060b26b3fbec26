#pragma once
// Who subscribed to what, for one tenant on one shard. Exact filters live in a hash table; the tree holds
// wildcard filters only.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hub/message.h"

namespace dunlin::hub {

/// A subscriber's number on its shard.
using SubscriberId = std::uint32_t;

/// MQTT 5.0 section 3.8.3.1. `identifier` 0 means none.
struct SubscriptionOptions {
  QoS qos = QoS::at_most_once;
  enum class NoLocal : std::uint8_t { no, yes } no_local = NoLocal::no;
  enum class RetainAsPublished : std::uint8_t { no, yes } retain_as_published = RetainAsPublished::no;
  std::uint32_t identifier = 0;
  friend bool operator==(const SubscriptionOptions&, const SubscriptionOptions&) = default;
};

struct Subscription {
  SubscriberId subscriber = 0;
  SubscriptionOptions options;
};

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept;
};

/// Filters must be valid (topic.h). One thread.
class Trie {
 public:
  enum class Added { fresh, replaced };
  /// One subscriber has one subscription per filter; a second one replaces the first.
  Added add(std::string_view filter, const Subscription& subscription);
  /// False when there was none.
  bool remove(std::string_view filter, SubscriberId subscriber);
  /// Every subscription that matches, in no order; a subscriber appears once per matching filter.
  std::vector<Subscription> match(std::string_view topic) const;

  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }
  /// Nodes in use; 1 (the root) when no wildcard filter is left.
  std::size_t node_count() const { return nodes_.size() - free_nodes_.size(); }

 private:
  using NodeId = std::uint32_t;
  using LevelId = std::uint32_t;
  static constexpr LevelId kPlus = 0;  // an interned level never has this number
  struct Node {
    NodeId parent = 0;
    LevelId level = 0;
    std::uint32_t children = 0;
    std::vector<Subscription> here;   // filters that end at this level
    std::vector<Subscription> below;  // filters that end here with "/#"
  };
  struct Level {
    LevelId id = 0;
    std::uint32_t uses = 0;
  };
  static std::uint64_t edge(NodeId parent, LevelId level) { return (std::uint64_t{parent} << 32) | level; }

  std::vector<Subscription>* find(std::string_view filter);
  std::vector<Subscription>& find_or_make(std::string_view filter);
  NodeId child(NodeId parent, LevelId level) const;
  NodeId make_child(NodeId parent, std::string_view level);
  LevelId level_id(std::string_view level) const;
  void release(NodeId node);
  void prune(std::string_view filter);
  void collect(NodeId node, std::string_view rest, bool wildcards_allowed,
               std::vector<Subscription>& found) const;

  static constexpr LevelId kUnknownLevel = 0xFFFF'FFFF;
  std::unordered_map<std::string, std::vector<Subscription>, TextHash, std::equal_to<>> exact_;
  std::unordered_map<std::string, Level, TextHash, std::equal_to<>> levels_;
  std::unordered_map<LevelId, std::string> level_names_;
  std::unordered_map<std::uint64_t, NodeId> edges_;
  std::vector<Node> nodes_{1};
  std::vector<NodeId> free_nodes_;
  LevelId next_level_ = 1;
  std::size_t count_ = 0;
  std::size_t wildcards_ = 0;
};

}  // namespace dunlin::hub
