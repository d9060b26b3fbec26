#pragma once
// The tree behind VirtualFs: what the program sees, what the disk holds, and the changes between the two.
// Private to the room.

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/core/bytes.h"
#include "base/core/id.h"
#include "base/result.h"
#include "base/rng.h"

namespace dunlin {

using NodeId = Id<struct VirtualNodeTag>;

/// Files and folders as numbered nodes. No lock, no paths: VirtualFs has both. Callers pass ids of nodes that
/// exist.
class VirtualDisk {
 public:
  VirtualDisk();

  NodeId root() const { return kRoot; }
  bool is_folder(NodeId id) const { return at(id).folder; }
  /// None if the folder has no such name.
  NodeId find(NodeId folder, const std::string& name) const;
  const std::map<std::string, NodeId>& names(NodeId folder) const { return at(folder).names; }
  const std::string& content(NodeId file) const { return at(file).content; }

  /// A new node under `name`, which must be free.
  NodeId create(NodeId folder, const std::string& name, bool is_folder);
  void unlink(NodeId folder, const std::string& name);
  /// The target's name may be in use: it is replaced.
  void rename(NodeId from_folder, const std::string& from, NodeId to_folder, const std::string& to);
  /// Makes every change of a name that touches the folder durable.
  void sync_names(NodeId folder);

  Result<void> write(NodeId file, std::uint64_t offset, ByteView bytes);
  Result<void> truncate(NodeId file, std::uint64_t size);
  Result<void> reserve(NodeId file, std::uint64_t size);
  void sync(NodeId file);
  /// A sync that failed: what it covered will not be written by a later one.
  void fail_sync(NodeId file);

  /// An open file lives on without a name until it is closed.
  void opened(NodeId file);
  void closed(NodeId file);
  bool is_locked(NodeId file) const { return at(file).locked; }
  void set_locked(NodeId file, bool locked) { at(file).locked = locked; }

  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  std::uint64_t free_bytes() const { return capacity_ - std::min(capacity_, used_); }

  /// Closes everything, and decides what of the unsynced changes has reached the disk.
  void cut_power(Rng& rng);
  /// Closes everything.
  void close_all();

 private:
  struct FileChange {
    bool truncates = false;
    bool abandoned = false;    // a sync that covered it has failed
    std::uint64_t offset = 0;  // or the new size
    std::string bytes;
  };
  struct Node {
    bool folder = false;
    bool locked = false;
    std::uint64_t handles = 0;
    std::uint64_t links = 0;
    std::uint64_t reserved = 0;
    std::string content;
    std::string durable;
    std::vector<FileChange> changes;
    std::map<std::string, NodeId> names;
    std::map<std::string, NodeId> durable_names;
    NodeId durable_folder;  // where the disk has this node; none if nowhere
    std::string durable_name;
  };
  // One atomic change: `from` gives the node up (a removal or rename) and `to` takes it (a creation or
  // rename).
  struct NameChange {
    NodeId node;
    NodeId from_folder;
    std::string from;
    NodeId to_folder;
    std::string to;

    bool touches(NodeId folder) const { return from_folder == folder || to_folder == folder; }
    bool takes(NodeId folder, const std::string& name) const { return to_folder == folder && to == name; }
    bool gives(NodeId folder, const std::string& name) const { return from_folder == folder && from == name; }
    bool must_precede(const NameChange& later) const;
  };
  static constexpr NodeId kRoot{1};

  Node& at(NodeId id) { return nodes_.at(id.value); }
  const Node& at(NodeId id) const { return nodes_.at(id.value); }
  static std::uint64_t allocated(const Node& node);
  Result<void> grow(Node& node, std::uint64_t size);
  void drop_link(NodeId id);
  static void apply(std::string& content, const FileChange& change);
  static void apply_by_chance(std::string& content, const FileChange& change, Rng& rng);
  void apply(const NameChange& change);
  void unlink_durably(NodeId id);
  void forget_unreachable();
  void count_again();

  std::map<std::uint64_t, Node> nodes_;
  std::vector<NameChange> name_changes_;
  std::uint64_t next_id_ = 2;
  std::uint64_t capacity_ = 1ULL << 40;
  std::uint64_t used_ = 0;
};

}  // namespace dunlin
