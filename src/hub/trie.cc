#include "hub/trie.h"

#include <utility>

#include "base/core/assert.h"
#include "hub/topic.h"

namespace dunlin::hub {
namespace {

constexpr std::string_view kPlus = "+";

void append_matching(const Filter* list, std::string_view topic, std::vector<const Filter*>& found) {
  for (; list != nullptr; list = list->next) {
    if (filter_matches(list->text(), topic)) found.push_back(list);
  }
}

void drop_from(Filter*& list, Filter& filter) {
  Filter** at = &list;
  while (*at != &filter) {
    DUNLIN_ASSERT(*at != nullptr);
    at = &(*at)->next;
  }
  *at = std::exchange(filter.next, nullptr);
}

/// What is left of a filter below its first `levels` levels; it has more than that.
std::string_view rest_below(std::string_view text, std::size_t levels) {
  for (; levels > 0; --levels) text = split_level(text).rest;
  return text;
}

}  // namespace

std::uint64_t Trie::FilterTraits::hash(const FilterPointer& filter) const {
  return stable_hash(filter->text(), seed);
}

std::uint64_t Trie::edge_key(NodeId parent, std::string_view level) const {
  const std::uint64_t key = stable_hash(level, seed_ + (std::uint64_t{parent} + 1) * 0x9e3779b97f4a7c15ULL);
  return key == 0 ? 1 : key;
}

FilterPointer* Trie::find_pointer(std::string_view text) {
  return filters_.find(stable_hash(text, seed_),
                       [text](const FilterPointer& one) { return one->text() == text; });
}

const Filter* Trie::find(std::string_view text) const {
  const FilterPointer* found = const_cast<Trie*>(this)->find_pointer(text);
  return found == nullptr ? nullptr : found->get();
}

Trie::Edge* Trie::find_edge(std::uint64_t key) {
  return edges_.find(key, [key](const Edge& edge) { return edge.key == key; });
}

const Trie::Edge* Trie::find_edge(std::uint64_t key) const {
  return edges_.find(key, [key](const Edge& edge) { return edge.key == key; });
}

Trie::NodeId Trie::make_node(NodeId parent, std::uint64_t key) {
  NodeId node = free_;
  if (node == 0) {
    node = static_cast<NodeId>(nodes_.size());
    nodes_.emplace_back();
  } else {
    free_ = nodes_[node].parent;
    --free_count_;
  }
  nodes_[node] = {.key = key, .parent = parent};
  return node;
}

/// Hangs a filter with `rest` still to go under `node`, which has no such branch yet.
void Trie::link_below(NodeId node, Filter& filter, std::string_view rest) {
  const LevelSplit part = split_level(rest);
  if (part.level == "#") {
    filter.next = std::exchange(nodes_[node].below, &filter);
    return;
  }
  edges_.insert({edge_key(node, part.level), to_filter(&filter)});
  ++nodes_[node].children;
}

void Trie::link(Filter& filter) {
  NodeId node = 0;
  std::string_view rest = filter.text();
  for (std::size_t depth = 1;; ++depth) {
    const LevelSplit part = split_level(rest);
    if (part.level == "#") return link_below(node, filter, rest);
    const std::uint64_t key = edge_key(node, part.level);
    Edge* edge = find_edge(key);
    if (edge == nullptr) return link_below(node, filter, rest);
    if (!is_node(*edge)) {
      // Two filters share this level: it becomes a node, and the one that was alone moves below it.
      Filter& other = *filter_of(*edge);
      const NodeId made = make_node(node, key);
      edge->to = to_node(made);
      const std::string_view last = rest_below(other.text(), depth - 1);
      if (const LevelSplit split = split_level(last); split.more) {
        link_below(made, other, split.rest);
      } else {
        nodes_[made].here = &other;
      }
      edge = find_edge(key);  // linking may have made the table larger
    }
    node = node_of(*edge);
    if (!part.more) {
      filter.next = std::exchange(nodes_[node].here, &filter);
      return;
    }
    rest = part.rest;
  }
}

void Trie::unlink(Filter& filter) {
  NodeId node = 0;
  std::string_view rest = filter.text();
  while (true) {
    const LevelSplit part = split_level(rest);
    if (part.level == "#") {
      drop_from(nodes_[node].below, filter);
      return release(node);
    }
    Edge* edge = find_edge(edge_key(node, part.level));
    DUNLIN_ASSERT(edge != nullptr);
    if (!is_node(*edge)) {
      DUNLIN_ASSERT(filter_of(*edge) == &filter);
      edges_.erase(edge);
      --nodes_[node].children;
      return release(node);
    }
    node = node_of(*edge);
    if (!part.more) {
      drop_from(nodes_[node].here, filter);
      return release(node);
    }
    rest = part.rest;
  }
}

void Trie::release(NodeId node) {
  while (node != 0) {
    const Node& empty = nodes_[node];
    if (empty.children > 0 || empty.here != nullptr || empty.below != nullptr) return;
    const NodeId parent = empty.parent;
    edges_.erase(find_edge(empty.key));
    --nodes_[parent].children;
    nodes_[node] = {.parent = std::exchange(free_, node)};
    ++free_count_;
    node = parent;
  }
}

Trie::Placed Trie::place(std::string_view text, const Subscription& subscription) {
  Filter* filter = nullptr;
  if (const FilterPointer* known = find_pointer(text)) {
    filter = known->get();
  } else {
    filter = filters_.insert(Filter::make(text)).get();
    if (filter->is_wildcard()) {
      link(*filter);
      ++wildcards_;
    }
  }
  if (!filter->put(subscription)) return {filter, Added::replaced};
  ++count_;
  return {filter, Added::fresh};
}

// `text` may be the filter's own, which goes with the last subscriber.
bool Trie::remove(std::string_view text, SubscriberId subscriber) {
  FilterPointer* pointer = find_pointer(text);
  if (pointer == nullptr) return false;
  Filter& filter = **pointer;
  if (!filter.remove(subscriber)) return false;
  --count_;
  if (!filter.subscriptions().empty()) return true;
  if (filter.is_wildcard()) {
    unlink(filter);
    --wildcards_;
  }
  filters_.erase(pointer);
  if (wildcards_ == 0 && nodes_.size() > 1) {
    nodes_ = std::vector<Node>(1);
    free_ = 0;
    free_count_ = 0;
  }
  return true;
}

/// What an edge leads to, for a topic with `rest` still to go.
void Trie::follow(std::uint64_t key, std::string_view rest, bool more, std::string_view topic,
                  std::vector<const Filter*>& found) const {
  const Edge* edge = find_edge(key);
  if (edge == nullptr) return;
  if (!is_node(*edge)) return append_matching(filter_of(*edge), topic, found);
  const NodeId node = node_of(*edge);
  if (more) return collect(node, rest, topic, found);
  append_matching(nodes_[node].here, topic, found);
  append_matching(nodes_[node].below, topic, found);  // "a/#" matches "a" too (MQTT 5.0 section 4.7.1.2)
}

void Trie::collect(NodeId node, std::string_view rest, std::string_view topic,
                   std::vector<const Filter*>& found) const {
  append_matching(nodes_[node].below, topic, found);
  if (nodes_[node].children == 0) return;
  const LevelSplit part = split_level(rest);
  const std::uint64_t named = edge_key(node, part.level);
  const std::uint64_t any = edge_key(node, kPlus);
  follow(named, part.rest, part.more, topic, found);
  if (any != named) follow(any, part.rest, part.more, topic, found);
}

void Trie::match_filters(std::string_view topic, std::vector<const Filter*>& found) const {
  if (const Filter* exact = find(topic)) found.push_back(exact);
  if (wildcards_ > 0) collect(0, topic, topic, found);
}

std::vector<Subscription> Trie::match(std::string_view topic) const {
  std::vector<const Filter*> filters;
  match_filters(topic, filters);
  std::vector<Subscription> found;
  for (const Filter* filter : filters)
    found.insert(found.end(), filter->subscriptions().begin(), filter->subscriptions().end());
  return found;
}

}  // namespace dunlin::hub
