#pragma once
// The paths into payloads that statements name, each kept once, so that rules share what they look up.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dunlin::rules {

using PathId = std::uint32_t;

/// A tree: the root is the whole payload, a child is a member of its parent. One thread.
class PathTable {
 public:
  static constexpr PathId kRoot = 0;

  PathTable();
  /// The member `name` of `parent`, with one more user of it. It stays until all users have released it.
  PathId take(PathId parent, std::string_view name);
  void release(PathId id);

  PathId parent_of(PathId id) const { return nodes_[id].parent; }
  std::string_view name_of(PathId id) const { return nodes_[id].name; }
  /// Ids are below it.
  std::size_t size() const { return nodes_.size(); }
  std::size_t in_use() const { return nodes_.size() - free_.size(); }
  /// No other table has it, nor this one once an id means another path than before.
  std::uint64_t stamp() const { return stamp_; }

 private:
  struct Node {
    PathId parent = kRoot;
    std::uint32_t users = 0;  // statements and children
    std::string name;
  };
  std::uint64_t stamp_;
  std::vector<Node> nodes_;
  std::vector<PathId> free_;
  std::unordered_map<std::string, PathId> ids_;  // by parent and name
};

/// The paths that a program uses, released with it.
class PathUse {
 public:
  PathUse() = default;
  explicit PathUse(std::shared_ptr<PathTable> table) : table_(std::move(table)) {}
  PathUse(PathUse&& other) noexcept = default;
  PathUse& operator=(PathUse&& other) noexcept {
    table_.swap(other.table_);
    used_.swap(other.used_);
    return *this;
  }
  ~PathUse();

  PathId take(PathId parent, std::string_view name);
  void trim() { used_.shrink_to_fit(); }
  const PathTable* table() const { return table_.get(); }

 private:
  std::shared_ptr<PathTable> table_;  // shared: by all statements that are evaluated for one message
  std::vector<PathId> used_;
};

}  // namespace dunlin::rules
