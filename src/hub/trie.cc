#include "hub/trie.h"

#include <algorithm>

#include "base/core/assert.h"
#include "hub/topic.h"

namespace dunlin::hub {
namespace {

void append(std::vector<Subscription>& to, const std::vector<Subscription>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

std::size_t TextHash::operator()(std::string_view text) const noexcept {
  return stable_hash(text);
}

Trie::NodeId Trie::child(NodeId parent, LevelId level) const {
  const auto found = edges_.find(edge(parent, level));
  return found == edges_.end() ? 0 : found->second;
}

Trie::LevelId Trie::level_id(std::string_view level) const {
  if (level == "+") return kPlus;
  const auto found = levels_.find(level);
  return found == levels_.end() ? kUnknownLevel : found->second.id;
}

Trie::NodeId Trie::make_child(NodeId parent, std::string_view level) {
  LevelId id = kPlus;
  if (level != "+") {
    auto found = levels_.find(level);
    if (found == levels_.end()) {
      found = levels_.emplace(std::string(level), Level{next_level_++, 0}).first;
      level_names_.emplace(found->second.id, found->first);
    }
    id = found->second.id;
  }
  if (const NodeId existing = child(parent, id)) return existing;
  if (id != kPlus) ++levels_.find(level)->second.uses;
  NodeId node = 0;
  if (free_nodes_.empty()) {
    node = static_cast<NodeId>(nodes_.size());
    nodes_.emplace_back();
  } else {
    node = free_nodes_.back();
    free_nodes_.pop_back();
  }
  nodes_[node].parent = parent;
  nodes_[node].level = id;
  ++nodes_[parent].children;
  edges_.emplace(edge(parent, id), node);
  return node;
}

std::vector<Subscription>* Trie::find(std::string_view filter) {
  if (!has_wildcard(filter)) {
    const auto found = exact_.find(filter);
    return found == exact_.end() ? nullptr : &found->second;
  }
  NodeId node = 0;
  while (true) {
    const LevelSplit part = split_level(filter);
    if (part.level == "#") return &nodes_[node].below;
    node = child(node, level_id(part.level));
    if (node == 0) return nullptr;
    if (!part.more) return &nodes_[node].here;
    filter = part.rest;
  }
}

std::vector<Subscription>& Trie::find_or_make(std::string_view filter) {
  if (!has_wildcard(filter)) {
    const auto found = exact_.find(filter);
    return found == exact_.end() ? exact_[std::string(filter)] : found->second;
  }
  NodeId node = 0;
  while (true) {
    const LevelSplit part = split_level(filter);
    if (part.level == "#") return nodes_[node].below;
    node = make_child(node, part.level);
    if (!part.more) return nodes_[node].here;
    filter = part.rest;
  }
}

Trie::Added Trie::add(std::string_view filter, const Subscription& subscription) {
  std::vector<Subscription>& list = find_or_make(filter);
  const auto same = [&](const Subscription& other) { return other.subscriber == subscription.subscriber; };
  if (const auto found = std::ranges::find_if(list, same); found != list.end()) {
    *found = subscription;
    return Added::replaced;
  }
  list.push_back(subscription);
  ++count_;
  if (has_wildcard(filter)) ++wildcards_;
  return Added::fresh;
}

bool Trie::remove(std::string_view filter, SubscriberId subscriber) {
  std::vector<Subscription>* list = find(filter);
  if (list == nullptr) return false;
  const auto found = std::ranges::find(*list, subscriber, &Subscription::subscriber);
  if (found == list->end()) return false;
  *found = list->back();
  list->pop_back();
  --count_;
  if (has_wildcard(filter)) --wildcards_;
  if (list->empty()) prune(filter);
  return true;
}

void Trie::prune(std::string_view filter) {
  if (!has_wildcard(filter)) {
    exact_.erase(exact_.find(filter));
    return;
  }
  NodeId node = 0;
  while (true) {
    const LevelSplit part = split_level(filter);
    if (part.level == "#") break;
    node = child(node, level_id(part.level));
    if (!part.more) break;
    filter = part.rest;
  }
  if (nodes_[node].below.empty()) nodes_[node].below = {};
  if (nodes_[node].here.empty()) nodes_[node].here = {};
  release(node);
}

void Trie::release(NodeId node) {
  while (node != 0) {
    Node& empty = nodes_[node];
    if (empty.children > 0 || !empty.here.empty() || !empty.below.empty()) return;
    const NodeId parent = empty.parent;
    edges_.erase(edge(parent, empty.level));
    if (empty.level != kPlus) {
      const auto name = level_names_.find(empty.level);
      const auto level = levels_.find(name->second);
      if (--level->second.uses == 0) {
        levels_.erase(level);
        level_names_.erase(name);
      }
    }
    --nodes_[parent].children;
    empty = Node{};
    free_nodes_.push_back(node);
    node = parent;
  }
}

void Trie::collect(NodeId node, std::string_view rest, bool wildcards_allowed,
                   std::vector<Subscription>& found) const {
  if (wildcards_allowed) append(found, nodes_[node].below);
  if (nodes_[node].children == 0) return;
  const LevelSplit part = split_level(rest);
  const auto visit = [&](NodeId next) {
    if (next == 0) return;
    if (part.more) return collect(next, part.rest, true, found);
    append(found, nodes_[next].here);
    append(found, nodes_[next].below);  // "a/#" matches "a" too (MQTT 5.0 section 4.7.1.2)
  };
  if (const LevelId id = level_id(part.level); id != kUnknownLevel && id != kPlus) visit(child(node, id));
  if (wildcards_allowed) visit(child(node, kPlus));
}

std::vector<Subscription> Trie::match(std::string_view topic) const {
  std::vector<Subscription> found;
  if (const auto exact = exact_.find(topic); exact != exact_.end()) found = exact->second;
  if (wildcards_ > 0) collect(0, topic, !topic.starts_with('$'), found);
  return found;
}

}  // namespace dunlin::hub
