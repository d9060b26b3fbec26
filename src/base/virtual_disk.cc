#include "base/virtual_disk.h"

#include <set>
#include <utility>

#include "base/core/assert.h"

namespace dunlin {

VirtualDisk::VirtualDisk() {
  Node& root = nodes_[kRoot.value];
  root.folder = true;
  root.links = 1;
}

NodeId VirtualDisk::find(NodeId folder, const std::string& name) const {
  const auto& names = at(folder).names;
  const auto found = names.find(name);
  return found == names.end() ? NodeId{} : found->second;
}

NodeId VirtualDisk::create(NodeId folder, const std::string& name, bool is_folder) {
  const NodeId id{next_id_++};
  Node& node = nodes_[id.value];
  node.folder = is_folder;
  node.links = 1;
  DUNLIN_ASSERT(at(folder).names.emplace(name, id).second);
  name_changes_.push_back({.node = id, .from_folder = {}, .from = {}, .to_folder = folder, .to = name});
  return id;
}

void VirtualDisk::unlink(NodeId folder, const std::string& name) {
  const NodeId id = find(folder, name);
  DUNLIN_ASSERT(id);
  at(folder).names.erase(name);
  name_changes_.push_back({.node = id, .from_folder = folder, .from = name, .to_folder = {}, .to = {}});
  drop_link(id);
}

void VirtualDisk::rename(NodeId from_folder, const std::string& from, NodeId to_folder,
                         const std::string& to) {
  const NodeId id = find(from_folder, from);
  const NodeId replaced = find(to_folder, to);
  DUNLIN_ASSERT(id && id != replaced);
  at(from_folder).names.erase(from);
  at(to_folder).names[to] = id;
  name_changes_.push_back({id, from_folder, from, to_folder, to});
  if (replaced) drop_link(replaced);
}

// A change cannot reach the disk before an earlier one of the same node or the same name.
bool VirtualDisk::NameChange::must_precede(const NameChange& later) const {
  const auto shares = [&](NodeId folder, const std::string& name) {
    return folder && (later.takes(folder, name) || later.gives(folder, name));
  };
  return node == later.node || shares(from_folder, from) || shares(to_folder, to);
}

void VirtualDisk::sync_names(NodeId folder) {
  std::vector<NameChange> chosen;  // newest first
  std::vector<NameChange> left;
  for (auto change = name_changes_.rbegin(); change != name_changes_.rend(); ++change) {
    const bool needed =
        std::ranges::any_of(chosen, [&](const auto& later) { return change->must_precede(later); });
    (needed || change->touches(folder) ? chosen : left).push_back(std::move(*change));
  }
  name_changes_.assign(std::make_move_iterator(left.rbegin()), std::make_move_iterator(left.rend()));
  for (auto change = chosen.rbegin(); change != chosen.rend(); ++change) apply(*change);
  if (!chosen.empty()) forget_unreachable();
}

Result<void> VirtualDisk::write(NodeId file, std::uint64_t offset, ByteView bytes) {
  if (bytes.empty()) return {};
  Node& node = at(file);
  DUNLIN_CHECK(grow(node, std::max<std::uint64_t>(node.content.size(), offset + bytes.size())));
  node.changes.push_back({.offset = offset, .bytes = std::string(as_text(bytes))});
  apply(node.content, node.changes.back());
  return {};
}

Result<void> VirtualDisk::truncate(NodeId file, std::uint64_t size) {
  Node& node = at(file);
  const std::uint64_t before = allocated(node);
  if (size > before) DUNLIN_CHECK(grow(node, size));
  node.reserved = 0;
  node.changes.push_back({.truncates = true, .offset = size, .bytes = {}});
  apply(node.content, node.changes.back());
  used_ = used_ + allocated(node) - std::max(before, size);
  return {};
}

Result<void> VirtualDisk::reserve(NodeId file, std::uint64_t size) {
  Node& node = at(file);
  DUNLIN_CHECK(grow(node, size));
  node.reserved = std::max(node.reserved, size);
  return {};
}

void VirtualDisk::sync(NodeId file) {
  Node& node = at(file);
  for (const FileChange& change : node.changes) {
    if (!change.abandoned) apply(node.durable, change);
  }
  node.changes.clear();
}

void VirtualDisk::fail_sync(NodeId file) {
  for (FileChange& change : at(file).changes) change.abandoned = true;
}

void VirtualDisk::opened(NodeId file) {
  ++at(file).handles;
}

void VirtualDisk::closed(NodeId file) {
  Node& node = at(file);
  DUNLIN_ASSERT(node.handles > 0);
  --node.handles;
  if (node.handles == 0 && node.links == 0) used_ -= allocated(node);
}

void VirtualDisk::drop_link(NodeId id) {
  Node& node = at(id);
  DUNLIN_ASSERT(node.links > 0);
  --node.links;
  if (node.links == 0 && node.handles == 0) used_ -= allocated(node);
}

std::uint64_t VirtualDisk::allocated(const Node& node) {
  return std::max<std::uint64_t>(node.content.size(), node.reserved);
}

// Counts the blocks that the node needs to hold `size` bytes, if there is room for them.
Result<void> VirtualDisk::grow(Node& node, std::uint64_t size) {
  const std::uint64_t now = allocated(node);
  if (size <= now) return {};
  if (size - now > free_bytes()) return fail(Errc::no_space, "the virtual disk is full");
  used_ += size - now;
  return {};
}

void VirtualDisk::apply(std::string& content, const FileChange& change) {
  if (change.truncates) {
    content.resize(change.offset);
    return;
  }
  const std::size_t end = change.offset + change.bytes.size();
  if (content.size() < end) content.resize(end);
  content.replace(change.offset, change.bytes.size(), change.bytes);
}

void VirtualDisk::apply_by_chance(std::string& content, const FileChange& change, Rng& rng) {
  enum Fate : std::uint64_t { kKept, kLost, kHeadOnly, kHeadThenZeros, kTailOnly, kFates };
  const std::uint64_t fate = rng.below(kFates);
  if (fate == kLost) return;
  if (fate == kKept || change.truncates) return apply(content, change);
  const std::size_t cut = rng.below(change.bytes.size() + 1);
  FileChange part = change;
  if (fate == kTailOnly) {
    part.offset += cut;
    part.bytes.erase(0, cut);
  } else {
    part.bytes.resize(cut);
  }
  if (!part.bytes.empty()) apply(content, part);
  // The new size may reach the disk before the bytes do. What was there before is overwritten or is not.
  if (fate == kHeadThenZeros)
    content.resize(std::max<std::size_t>(content.size(), change.offset + change.bytes.size()));
}

void VirtualDisk::apply(const NameChange& change) {
  Node& node = at(change.node);
  if (change.to_folder) {
    unlink_durably(change.node);
    auto& names = at(change.to_folder).durable_names;
    if (const auto old = names.find(change.to); old != names.end()) unlink_durably(old->second);
    names[change.to] = change.node;
    node.durable_folder = change.to_folder;
    node.durable_name = change.to;
  } else if (node.durable_folder == change.from_folder && node.durable_name == change.from) {
    unlink_durably(change.node);
  }
}

void VirtualDisk::unlink_durably(NodeId id) {
  Node& node = at(id);
  if (!node.durable_folder) return;
  at(node.durable_folder).durable_names.erase(node.durable_name);
  node.durable_folder = {};
}

void VirtualDisk::close_all() {
  for (auto& [id, node] : nodes_) {
    node.handles = 0;
    node.locked = false;
  }
  count_again();
}

void VirtualDisk::cut_power(Rng& rng) {
  for (const NameChange& change : name_changes_) {
    if (rng.below(2) == 0) apply(change);
  }
  name_changes_.clear();
  for (auto& [id, node] : nodes_) {
    for (const FileChange& change : node.changes) apply_by_chance(node.durable, change, rng);
    node.changes.clear();
    node.content = node.durable;
    node.names = node.durable_names;
    node.reserved = 0;
    node.links = id == kRoot.value || node.durable_folder ? 1 : 0;
  }
  close_all();
  forget_unreachable();
  count_again();
}

// A node goes when neither the program, nor the disk, nor a change that may still reach the disk knows it.
void VirtualDisk::forget_unreachable() {
  std::set<std::uint64_t> reached;
  std::vector<NodeId> open{kRoot};
  for (const NameChange& change : name_changes_) {
    for (const NodeId id : {change.node, change.from_folder, change.to_folder}) open.push_back(id);
  }
  for (const auto& [id, node] : nodes_) {
    if (node.handles > 0) open.push_back(NodeId{id});
  }
  while (!open.empty()) {
    const NodeId id = open.back();
    open.pop_back();
    if (!id || !reached.insert(id.value).second) continue;
    if (at(id).durable_folder) open.push_back(at(id).durable_folder);
    for (const auto* names : {&at(id).names, &at(id).durable_names}) {
      for (const auto& [name, child] : *names) open.push_back(child);
    }
  }
  std::erase_if(nodes_, [&](const auto& entry) { return !reached.contains(entry.first); });
}

void VirtualDisk::count_again() {
  used_ = 0;
  for (const auto& [id, node] : nodes_) {
    if (node.links > 0 || node.handles > 0) used_ += allocated(node);
  }
}

}  // namespace dunlin
