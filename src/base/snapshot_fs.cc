#include "base/snapshot_fs.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "base/limits.h"

namespace dunlin {
namespace {

/// One spelling for each path.
std::string tidy(std::string_view path) {
  std::string tidied;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    if (!tidied.empty() && tidied.back() != '/' && !part.empty() && part != ".") tidied += '/';
    if (tidied.empty() && slash == 0) tidied = "/";
    if (part != ".") tidied += part;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return tidied;
}

bool is_below(std::string_view path, std::string_view folder) {
  return path == folder ||
         (path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/');
}

}  // namespace

/// What a snapshot keeps in memory, all files together.
struct SnapshotFs::Kept {
  std::atomic<std::uint64_t> bytes{0};
  std::mutex mutex;
  std::optional<Error> failed;  // the first error: the snapshot is of no use any more
  std::atomic<bool> is_failed{false};

  void fail_with(Error error) {
    const std::lock_guard lock(mutex);
    if (!failed) failed = std::move(error);
    is_failed = true;
  }
};

/// A file, whatever its name is by now.
struct SnapshotFs::Node {
  std::string path;  // guarded by names_mutex_

  std::atomic<bool> held{false};  // by the snapshot; set while no changing call is under way
  std::mutex mutex;               // guards what follows
  std::shared_ptr<Kept> kept;     // shared by the files of one snapshot
  std::uint64_t size = 0;         // at the instant
  std::map<std::uint64_t, std::vector<std::uint8_t>> overwritten;  // by offset; they do not overlap
  std::unique_ptr<File> file;  // for reading; open before the file loses its name

  void hold(std::shared_ptr<Kept> by, std::uint64_t bytes) {
    const std::lock_guard lock(mutex);
    kept = std::move(by);
    size = bytes;
    held = true;
  }
  void let_go() {
    const std::lock_guard lock(mutex);
    held = false;
    for (const auto& [offset, bytes] : overwritten) kept->bytes -= bytes.size();
    overwritten.clear();
    file.reset();
    kept.reset();
  }
  /// Before a write of `now` changes the bytes [begin, end).
  void keep(const File& now, std::uint64_t begin, std::uint64_t end);
  void keep_part(const File& now, std::uint64_t begin, std::uint64_t end);
  void put_back(std::uint64_t offset, MutableByteView out) const;
};

void SnapshotFs::Node::keep(const File& now, std::uint64_t begin, std::uint64_t end) {
  const std::lock_guard lock(mutex);
  if (!held || kept->is_failed) return;
  end = std::min(end, size);
  auto next = overwritten.upper_bound(begin);
  if (next != overwritten.begin()) {
    const auto before = std::prev(next);
    begin = std::max(begin, before->first + before->second.size());
  }
  while (begin < end && !kept->is_failed) {
    const std::uint64_t gap_end = next == overwritten.end() ? end : std::min(end, next->first);
    if (begin < gap_end) keep_part(now, begin, gap_end);
    if (next == overwritten.end()) return;
    begin = std::max(begin, next->first + next->second.size());
    ++next;
  }
}

void SnapshotFs::Node::keep_part(const File& now, std::uint64_t begin, std::uint64_t end) {
  if (kept->bytes + (end - begin) > kMaxSnapshotBytes) {
    return kept->fail_with({Errc::unavailable,
                            "more was overwritten than can be kept in memory while the files were copied; "
                            "try again when there is less to do"});
  }
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(end - begin));
  if (const auto read = now.read_at(begin, bytes); !read) return kept->fail_with(read.error());
  kept->bytes += bytes.size();
  overwritten.emplace(begin, std::move(bytes));
}

/// Puts what was overwritten over what was read at `offset`.
void SnapshotFs::Node::put_back(std::uint64_t offset, MutableByteView out) const {
  auto at = overwritten.upper_bound(offset);
  if (at != overwritten.begin()) --at;
  for (; at != overwritten.end() && at->first < offset + out.size(); ++at) {
    const std::uint64_t begin = std::max(offset, at->first);
    const std::uint64_t end = std::min(offset + out.size(), at->first + at->second.size());
    if (begin >= end) continue;
    const auto bytes =
        ByteView(at->second)
            .subspan(static_cast<std::size_t>(begin - at->first), static_cast<std::size_t>(end - begin));
    std::ranges::copy(bytes, out.begin() + static_cast<std::ptrdiff_t>(begin - offset));
  }
}

/// A file that is open for writing.
class SnapshotFile final : public File {
 public:
  SnapshotFile(SnapshotFs& fs, std::unique_ptr<File> inner, SnapshotFs::NodeRef node)
      : fs_(fs), inner_(std::move(inner)), node_(std::move(node)) {}
  ~SnapshotFile() override {
    inner_.reset();
    fs_.leave(node_);
  }

  Result<void> append(ByteView bytes) override {
    const auto inside = fs_.enter();
    if (node_->held) {
      DUNLIN_TRY(const std::uint64_t end, inner_->size());
      node_->keep(*inner_, end, end + bytes.size());
    }
    return inner_->append(bytes);
  }
  Result<void> write_at(std::uint64_t offset, ByteView bytes) override {
    const auto inside = fs_.enter();
    if (node_->held) node_->keep(*inner_, offset, offset + bytes.size());
    return inner_->write_at(offset, bytes);
  }
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView out) const override {
    return inner_->read_at(offset, out);
  }
  Result<std::uint64_t> size() const override { return inner_->size(); }
  Result<void> truncate(std::uint64_t size) override {
    const auto inside = fs_.enter();
    if (node_->held) node_->keep(*inner_, size, std::numeric_limits<std::uint64_t>::max());
    return inner_->truncate(size);
  }
  Result<void> reserve(std::uint64_t size) override { return inner_->reserve(size); }
  // Changes no content: snapshots need not wait for the disk.
  Result<void> sync() override { return inner_->sync(); }

 private:
  SnapshotFs& fs_;
  std::unique_ptr<File> inner_;
  SnapshotFs::NodeRef node_;
};

class TakenSnapshot final : public FolderSnapshot {
 public:
  TakenSnapshot(SnapshotFs& fs, std::shared_ptr<SnapshotFs::Kept> kept, std::vector<Entry> files,
                std::vector<SnapshotFs::NodeRef> nodes)
      : fs_(fs), kept_(std::move(kept)), files_(std::move(files)), nodes_(std::move(nodes)) {}
  ~TakenSnapshot() override {
    for (std::size_t i = 0; i < nodes_.size(); ++i) release(i);
    fs_.taken_ = false;
  }

  const std::vector<Entry>& files() const override { return files_; }

  Result<std::size_t> read_at(std::size_t file, std::uint64_t offset, MutableByteView out) override {
    SnapshotFs::Node& node = *nodes_.at(file);
    if (offset >= node.size) return 0U;
    out = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), node.size - offset)));
    DUNLIN_CHECK(open(node));
    const std::lock_guard lock(node.mutex);
    // Where the file is shorter by now, what was cut off has been kept.
    if (const auto read = node.file->read_at(offset, out); !read) return std::unexpected(read.error());
    node.put_back(offset, out);
    if (!kept_->is_failed) return out.size();
    const std::lock_guard kept_lock(kept_->mutex);
    return std::unexpected(*kept_->failed);
  }

  void release(std::size_t file) override {
    if (!nodes_.at(file)) return;
    nodes_[file]->let_go();
    fs_.leave(nodes_[file]);
  }

 private:
  Result<void> open(SnapshotFs::Node& node) {
    const std::lock_guard names(fs_.names_mutex_);  // the file keeps its name meanwhile
    const std::lock_guard lock(node.mutex);
    if (node.file) return {};
    DUNLIN_TRY(node.file, fs_.inner_.open(node.path, OpenMode::read));
    return {};
  }

  SnapshotFs& fs_;
  const std::shared_ptr<SnapshotFs::Kept> kept_;
  const std::vector<Entry> files_;
  std::vector<SnapshotFs::NodeRef> nodes_;  // of the files; null: released
};

std::shared_lock<std::shared_mutex> SnapshotFs::enter() {
  if (closing_) const std::lock_guard wait(turnstile_);
  return std::shared_lock(gate_);
}

/// With names_mutex_ held.
SnapshotFs::NodeRef SnapshotFs::node_at(const std::string& path) {
  std::weak_ptr<Node>& name = names_[path];
  NodeRef node = name.lock();
  if (node) return node;
  node = std::make_shared<Node>();
  node->path = path;
  name = node;
  return node;
}

/// Gives up one hold of a node; the last one takes its name off the list.
void SnapshotFs::leave(NodeRef& node) {
  const std::lock_guard names(names_mutex_);
  const std::string path = node->path;
  node.reset();
  const auto found = names_.find(path);
  if (found != names_.end() && found->second.expired()) names_.erase(found);
}

/// With names_mutex_ held.
std::vector<SnapshotFs::NodeRef> SnapshotFs::nodes_below(const std::string& path) {
  std::vector<NodeRef> nodes;
  for (auto at = names_.lower_bound(path); at != names_.end() && at->first.starts_with(path); ++at) {
    if (!is_below(at->first, path)) continue;
    if (NodeRef node = at->second.lock()) nodes.push_back(std::move(node));
  }
  return nodes;
}

/// With names_mutex_ held: what the snapshot has not read must stay readable when the names are gone.
void SnapshotFs::keep_open(const std::vector<NodeRef>& nodes) {
  for (const NodeRef& node : nodes) {
    const std::lock_guard lock(node->mutex);
    if (!node->held || node->file) continue;
    auto file = inner_.open(node->path, OpenMode::read);
    if (file) {
      node->file = *std::move(file);
    } else {
      node->kept->fail_with({Errc::unavailable,
                             "a file was removed before it was copied, and could not be "
                             "kept open: " +
                                 file.error().message});
    }
  }
}

/// With names_mutex_ held.
void SnapshotFs::forget_names(const std::vector<NodeRef>& nodes) {
  for (const NodeRef& node : nodes) names_.erase(node->path);
}

Result<std::unique_ptr<File>> SnapshotFs::open(const std::string& path, OpenMode mode) {
  if (mode == OpenMode::read) return inner_.open(path, mode);
  const auto inside = enter();
  const std::lock_guard names(names_mutex_);
  DUNLIN_TRY(auto file, inner_.open(path, mode));
  return std::make_unique<SnapshotFile>(*this, std::move(file), node_at(tidy(path)));
}

Result<void> SnapshotFs::create_folders(const std::string& path) {
  const auto inside = enter();
  return inner_.create_folders(path);
}

Result<void> SnapshotFs::remove(const std::string& path) {
  const auto inside = enter();
  const std::lock_guard names(names_mutex_);
  std::vector<NodeRef> nodes;
  if (const auto found = names_.find(tidy(path)); found != names_.end()) {
    if (NodeRef node = found->second.lock()) nodes.push_back(std::move(node));
  }
  keep_open(nodes);
  DUNLIN_CHECK(inner_.remove(path));
  forget_names(nodes);
  return {};
}

Result<void> SnapshotFs::remove_all(const std::string& path) {
  const auto inside = enter();
  const std::lock_guard names(names_mutex_);
  const std::vector<NodeRef> nodes = nodes_below(tidy(path));
  keep_open(nodes);
  DUNLIN_CHECK(inner_.remove_all(path));
  forget_names(nodes);
  return {};
}

Result<void> SnapshotFs::rename(const std::string& from, const std::string& to) {
  const auto inside = enter();
  const std::lock_guard names(names_mutex_);
  const std::string old_path = tidy(from);
  const std::string new_path = tidy(to);
  const std::vector<NodeRef> moved = nodes_below(old_path);
  const std::vector<NodeRef> replaced = old_path == new_path ? std::vector<NodeRef>{} : nodes_below(new_path);
  keep_open(moved);
  keep_open(replaced);
  DUNLIN_CHECK(inner_.rename(from, to));
  forget_names(replaced);
  forget_names(moved);
  for (const NodeRef& node : moved) {
    node->path = new_path + node->path.substr(old_path.size());
    names_[node->path] = node;
  }
  return {};
}

Result<void> SnapshotFs::find_files(const std::string& folder, const std::string& prefix,
                                    const Wanted& wanted, std::vector<FolderSnapshot::Entry>& found) {
  DUNLIN_TRY(const auto names, inner_.list(folder));
  for (const std::string& name : names) {
    const std::string path = folder + "/" + name;
    if (!wanted(prefix + name)) continue;
    if (inner_.is_folder(path)) {
      DUNLIN_CHECK(find_files(path, prefix + name + "/", wanted, found));
      continue;
    }
    if (found.size() >= kMaxSnapshotFiles)
      return fail(Errc::limit_exceeded,
                  folder + " holds more than " + std::to_string(kMaxSnapshotFiles) + " files");
    DUNLIN_TRY(const auto file, inner_.open(path, OpenMode::read));
    DUNLIN_TRY(const std::uint64_t size, file->size());
    found.push_back({prefix + name, size});
  }
  return {};
}

Result<std::unique_ptr<FolderSnapshot>> SnapshotFs::take(const std::string& folder, const Wanted& wanted) {
  if (taken_.exchange(true)) return fail(Errc::conflict, "a backup is under way already");
  std::vector<FolderSnapshot::Entry> found;
  std::vector<NodeRef> nodes;
  const auto kept = std::make_shared<Kept>();
  {
    const std::lock_guard wait(turnstile_);
    closing_ = true;
    const std::lock_guard alone(gate_);
    closing_ = false;  // who comes now waits at the gate
    if (auto listed = find_files(folder, "", wanted, found); !listed) {
      taken_ = false;
      return std::unexpected(std::move(listed).error());
    }
    const std::lock_guard names(names_mutex_);
    for (const FolderSnapshot::Entry& entry : found) {
      NodeRef node = node_at(tidy(folder + "/" + entry.path));
      node->hold(kept, entry.size);
      nodes.push_back(std::move(node));
    }
  }
  return std::make_unique<TakenSnapshot>(*this, kept, std::move(found), std::move(nodes));
}

}  // namespace dunlin
