#include "service/rules/paths.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace dunlin::rules {
namespace {

std::string key_of(PathId parent, std::string_view name) {
  std::string key(sizeof parent, '\0');
  std::memcpy(key.data(), &parent, sizeof parent);
  return key.append(name);
}

std::uint64_t next_stamp() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

PathTable::PathTable() : stamp_(next_stamp()) {
  nodes_.push_back({});
}

PathId PathTable::take(PathId parent, std::string_view name) {
  const auto [entry, fresh] = ids_.try_emplace(key_of(parent, name), PathId{0});
  if (!fresh) {
    ++nodes_[entry->second].users;
    return entry->second;
  }
  if (free_.empty()) {
    free_.push_back(static_cast<PathId>(nodes_.size()));
    nodes_.emplace_back();
  } else {
    stamp_ = next_stamp();
  }
  const PathId id = free_.back();
  free_.pop_back();
  nodes_[id] = {parent, 1, std::string(name)};
  ++nodes_[parent].users;
  entry->second = id;
  return id;
}

void PathTable::release(PathId id) {
  while (id != kRoot && --nodes_[id].users == 0) {
    ids_.erase(key_of(nodes_[id].parent, nodes_[id].name));
    const PathId parent = nodes_[id].parent;
    nodes_[id].name.clear();
    free_.push_back(id);
    id = parent;
  }
}

PathUse::~PathUse() {
  for (const PathId id : used_) table_->release(id);
}

PathId PathUse::take(PathId parent, std::string_view name) {
  const PathId id = table_->take(parent, name);
  if (std::ranges::find(used_, id) == used_.end()) {
    used_.push_back(id);
  } else {
    table_->release(id);
  }
  return id;
}

}  // namespace dunlin::rules
