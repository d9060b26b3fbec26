#pragma once
// Who subscribed to what, for one tenant on one shard. All filters are in a hash table by their text; the
// tree finds the wildcard filters that match a topic.

#include <cstdint>
#include <string_view>
#include <vector>

#include "hub/filter.h"
#include "hub/flat_table.h"

namespace dunlin::hub {

/// Filters must be valid (topic.h). One thread.
///
/// An edge of the tree is the hash of its level under its parent, and a branch with one filter is that filter
/// itself, however many levels it has left: a node is made only where two part. Whatever is found is compared
/// with the topic in full, so that two levels with the same hash cost time and nothing else.
class Trie {
 public:
  /// The seed keeps peers from choosing texts that fall on one place of the tables.
  explicit Trie(std::uint64_t seed = 0) : seed_(seed), filters_(FilterTraits{seed}) {}

  enum class Added { fresh, replaced };
  struct Placed {
    Filter* filter;  // valid while it has a subscriber
    Added added;
  };
  /// One subscriber has one subscription per filter; a second one replaces the first.
  Placed place(std::string_view text, const Subscription& subscription);
  Added add(std::string_view text, const Subscription& subscription) {
    return place(text, subscription).added;
  }
  /// False when there was none.
  bool remove(std::string_view text, SubscriberId subscriber);
  /// Null when nobody has it.
  const Filter* find(std::string_view text) const;
  /// Every filter that matches, in no order.
  void match_filters(std::string_view topic, std::vector<const Filter*>& found) const;
  /// Every subscription that matches, in no order; a subscriber appears once per matching filter.
  std::vector<Subscription> match(std::string_view topic) const;

  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }
  /// Nodes in use; 1 (the root) when no wildcard filter is left.
  std::size_t node_count() const { return nodes_.size() - free_count_; }

 private:
  using NodeId = std::uint32_t;
  struct Node {
    std::uint64_t key = 0;    // of the edge that leads here
    Filter* here = nullptr;   // a list: filters that end at this level
    Filter* below = nullptr;  // a list: filters that end here with "/#"
    NodeId parent = 0;        // of a free one: the next free
    std::uint32_t children = 0;
  };
  /// To a node, or to the only filter of a branch.
  struct Edge {
    std::uint64_t key = 0;  // 0: none
    std::uint64_t to = 0;   // a Filter's address, or twice a NodeId and 1
  };
  struct EdgeTraits {
    static bool is_empty(const Edge& edge) { return edge.key == 0; }
    std::uint64_t hash(const Edge& edge) const { return edge.key; }
  };
  struct FilterTraits {
    static bool is_empty(const FilterPointer& filter) { return filter == nullptr; }
    std::uint64_t hash(const FilterPointer& filter) const;
    std::uint64_t seed = 0;
  };

  std::uint64_t edge_key(NodeId parent, std::string_view level) const;
  static bool is_node(const Edge& edge) { return (edge.to & 1) != 0; }
  static NodeId node_of(const Edge& edge) { return static_cast<NodeId>(edge.to >> 1); }
  static Filter* filter_of(const Edge& edge) { return reinterpret_cast<Filter*>(edge.to); }
  static std::uint64_t to_node(NodeId node) { return std::uint64_t{node} << 1 | 1; }
  static std::uint64_t to_filter(Filter* filter) { return reinterpret_cast<std::uint64_t>(filter); }

  FilterPointer* find_pointer(std::string_view text);
  Edge* find_edge(std::uint64_t key);
  const Edge* find_edge(std::uint64_t key) const;
  NodeId make_node(NodeId parent, std::uint64_t key);
  void link(Filter& filter);
  void link_below(NodeId node, Filter& filter, std::string_view rest);
  void unlink(Filter& filter);
  void release(NodeId node);
  void collect(NodeId node, std::string_view rest, std::string_view topic,
               std::vector<const Filter*>& found) const;
  void follow(std::uint64_t key, std::string_view rest, bool more, std::string_view topic,
              std::vector<const Filter*>& found) const;

  std::uint64_t seed_;
  FlatTable<FilterPointer, FilterTraits> filters_;
  FlatTable<Edge, EdgeTraits> edges_;
  std::vector<Node> nodes_{1};
  NodeId free_ = 0;  // 0: none
  std::size_t free_count_ = 0;
  std::size_t count_ = 0;      // subscriptions
  std::size_t wildcards_ = 0;  // filters in the tree
};

}  // namespace dunlin::hub
