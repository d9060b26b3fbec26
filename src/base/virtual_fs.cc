#include "base/virtual_fs.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

#include "base/virtual_disk.h"

namespace dunlin {
namespace {

using Path = std::vector<std::string>;

Path split(std::string_view text) {
  Path parts;
  while (!text.empty()) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    const std::string_view part = text.substr(0, slash);
    text.remove_prefix(std::min(slash + 1, text.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.emplace_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  return parts;
}

struct ArmedFailure {
  std::uint64_t calls_left = 0;
  Errc code = Errc::io;
  bool stops = false;
};

}  // namespace

struct VirtualFs::State {
  mutable std::mutex mutex;
  VirtualDisk disk;
  Counts counts;
  std::optional<ArmedFailure> armed;
  SyncIgnored sync_ignored = SyncIgnored::none;
  std::uint64_t process = 1;  // File objects of an earlier process are dead
  bool stopped = false;

  bool ignores_file_sync() const {
    return sync_ignored == SyncIgnored::files || sync_ignored == SyncIgnored::all;
  }
  bool ignores_folder_sync() const {
    return sync_ignored == SyncIgnored::folders || sync_ignored == SyncIgnored::all;
  }

  Result<void> check_running() const {
    if (stopped) return fail(Errc::io, "the virtual process was stopped");
    return {};
  }

  // Every changing call passes here before it changes anything.
  Result<void> begin_change() {
    DUNLIN_CHECK(check_running());
    ++counts.changes;
    if (!armed || --armed->calls_left > 0) return {};
    const ArmedFailure failure = *std::exchange(armed, std::nullopt);
    stopped = failure.stops;
    ++counts.failures;
    return fail(failure.code, "a failure armed by the test");
  }

  void new_process() {
    ++process;
    stopped = false;
    armed.reset();
  }

  // None if some part is missing. Errors: io (a file where a folder should be).
  Result<NodeId> find(const Path& path) const {
    NodeId at = disk.root();
    for (const std::string& part : path) {
      if (!disk.is_folder(at)) return fail(Errc::io, "not a folder, on the way to " + path.back());
      at = disk.find(at, part);
      if (!at) return NodeId{};
    }
    return at;
  }

  Result<NodeId> find_existing(const std::string& path) const {
    DUNLIN_TRY(const NodeId node, find(split(path)));
    if (!node) return fail(Errc::not_found, path + ": no such file or folder");
    return node;
  }

  struct Place {
    NodeId folder;
    std::string name;
    NodeId node;  // none if the name is free
  };
  // Where a name is or would be. The folder must exist.
  Result<Place> place(const std::string& path) const {
    Path parts = split(path);
    if (parts.empty()) return fail(Errc::io, path + ": the root folder");
    Place place;
    place.name = std::move(parts.back());
    parts.pop_back();
    DUNLIN_TRY(place.folder, find(parts));
    if (!place.folder) return fail(Errc::not_found, path + ": no such folder");
    if (!disk.is_folder(place.folder)) return fail(Errc::io, path + ": not in a folder");
    place.node = disk.find(place.folder, place.name);
    return place;
  }

  void remove_below(NodeId folder) {
    const auto names = disk.names(folder);
    for (const auto& [name, node] : names) {
      if (disk.is_folder(node)) remove_below(node);
      disk.unlink(folder, name);
    }
  }
};

/// A handle on a node; dead once its process is.
class VirtualFile final : public File {
 public:
  enum class Access { read, write, direct, lock };
  VirtualFile(VirtualFs::State& state, NodeId node, Access access)
      : state_(state), node_(node), access_(access), process_(state.process) {
    state_.disk.opened(node_);
    if (access_ == Access::lock) state_.disk.set_locked(node_, true);
  }
  ~VirtualFile() override {
    const std::scoped_lock guard(state_.mutex);
    if (process_ != state_.process) return;
    if (access_ == Access::lock) state_.disk.set_locked(node_, false);
    state_.disk.closed(node_);
  }
  VirtualFile(const VirtualFile&) = delete;
  VirtualFile& operator=(const VirtualFile&) = delete;

  Result<void> append(ByteView bytes) override {
    const std::scoped_lock guard(state_.mutex);
    DUNLIN_CHECK(begin_change());
    return write(state_.disk.content(node_).size(), bytes);
  }

  Result<void> write_at(std::uint64_t offset, ByteView bytes) override {
    const std::scoped_lock guard(state_.mutex);
    DUNLIN_CHECK(begin_change());
    if (offset > kMostOffset || bytes.size() > kMostOffset - offset)
      return fail(Errc::io, "write past the range");
    if (access_ == Access::direct && !is_in_blocks(offset, bytes))
      return fail(Errc::io, "a direct write of a part of a block");
    return write(offset, bytes);
  }

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView out) const override {
    const std::scoped_lock guard(state_.mutex);
    DUNLIN_CHECK(check_alive());
    if (offset > kMostOffset || out.size() > kMostOffset - offset)
      return fail(Errc::io, "read past the range");
    ++state_.counts.reads;
    const std::string& content = state_.disk.content(node_);
    if (offset >= content.size()) return std::size_t{0};
    const std::size_t length = std::min<std::size_t>(out.size(), content.size() - offset);
    if (length > 0) std::memcpy(out.data(), content.data() + offset, length);
    return length;
  }

  Result<std::uint64_t> size() const override {
    const std::scoped_lock guard(state_.mutex);
    DUNLIN_CHECK(check_alive());
    return state_.disk.content(node_).size();
  }

  Result<void> truncate(std::uint64_t size) override {
    const std::scoped_lock guard(state_.mutex);
    DUNLIN_CHECK(begin_change());
    if (size > kMostOffset) return fail(Errc::io, "truncate past the range");
    return state_.disk.truncate(node_, size);
  }

  Result<void> reserve(std::uint64_t size) override {
    const std::scoped_lock guard(state_.mutex);
    DUNLIN_CHECK(begin_change());
    if (size > kMostOffset) return fail(Errc::io, "reserve past the range");
    return state_.disk.reserve(node_, size);
  }

  Result<void> sync() override {
    const std::scoped_lock guard(state_.mutex);
    DUNLIN_CHECK(check_alive());
    ++state_.counts.syncs;
    if (auto begun = state_.begin_change(); !begun) {
      if (!state_.stopped) state_.disk.fail_sync(node_);
      return begun;
    }
    if (!state_.ignores_file_sync()) state_.disk.sync(node_);
    return {};
  }

 private:
  static constexpr std::uint64_t kMostOffset = INT64_MAX;

  static bool is_in_blocks(std::uint64_t offset, ByteView bytes) {
    const auto memory = reinterpret_cast<std::uintptr_t>(bytes.data());
    return offset % kDirectBlock == 0 && bytes.size() % kDirectBlock == 0 && memory % kDirectBlock == 0;
  }

  Result<void> check_alive() const {
    if (process_ != state_.process) return fail(Errc::io, "the process that opened this file is dead");
    return state_.check_running();
  }

  Result<void> begin_change() {
    DUNLIN_CHECK(check_alive());
    if (access_ == Access::read) return fail(Errc::io, "the file is open for reading only");
    return state_.begin_change();
  }

  Result<void> write(std::uint64_t offset, ByteView bytes) {
    ++state_.counts.writes;
    DUNLIN_CHECK(state_.disk.write(node_, offset, bytes));
    state_.counts.bytes_written += bytes.size();
    return {};
  }

  VirtualFs::State& state_;
  NodeId node_;
  Access access_;
  std::uint64_t process_;
};

VirtualFs::VirtualFs() : state_(std::make_unique<State>()) {}
VirtualFs::~VirtualFs() = default;

void VirtualFs::cut_power(Rng& rng) {
  const std::scoped_lock guard(state_->mutex);
  state_->new_process();
  state_->disk.cut_power(rng);
}

void VirtualFs::kill_process() {
  const std::scoped_lock guard(state_->mutex);
  state_->new_process();
  state_->disk.close_all();
}

void VirtualFs::fail_call(std::uint64_t n, Errc code) {
  const std::scoped_lock guard(state_->mutex);
  state_->armed = ArmedFailure{.calls_left = std::max<std::uint64_t>(n, 1), .code = code, .stops = false};
}

void VirtualFs::stop_at_call(std::uint64_t n) {
  const std::scoped_lock guard(state_->mutex);
  state_->armed = ArmedFailure{.calls_left = std::max<std::uint64_t>(n, 1), .code = Errc::io, .stops = true};
}

void VirtualFs::set_capacity(std::uint64_t bytes) {
  const std::scoped_lock guard(state_->mutex);
  state_->disk.set_capacity(bytes);
}

void VirtualFs::set_sync_ignored(SyncIgnored which) {
  const std::scoped_lock guard(state_->mutex);
  state_->sync_ignored = which;
}

VirtualFs::Counts VirtualFs::counts() const {
  const std::scoped_lock guard(state_->mutex);
  return state_->counts;
}

Result<std::unique_ptr<File>> VirtualFs::open(const std::string& path, OpenMode mode) {
  const std::scoped_lock guard(state_->mutex);
  DUNLIN_CHECK(state_->check_running());
  DUNLIN_TRY(State::Place place, state_->place(path));
  if (place.node && mode == OpenMode::create_new)
    return fail(Errc::already_exists, "open " + path + ": it is there");
  if (place.node && state_->disk.is_folder(place.node))
    return fail(Errc::io, "open " + path + ": is a folder");
  if (!place.node) {
    if (mode == OpenMode::read) return fail(Errc::not_found, "open " + path + ": no such file");
    DUNLIN_CHECK(state_->begin_change());
    place.node = state_->disk.create(place.folder, place.name, false);
  }
  ++state_->counts.opens;
  auto access = VirtualFile::Access::write;
  if (mode == OpenMode::read) access = VirtualFile::Access::read;
  if (mode == OpenMode::direct) access = VirtualFile::Access::direct;
  return std::make_unique<VirtualFile>(*state_, place.node, access);
}

Result<void> VirtualFs::create_folders(const std::string& path) {
  const std::scoped_lock guard(state_->mutex);
  DUNLIN_CHECK(state_->begin_change());
  NodeId at = state_->disk.root();
  for (const std::string& part : split(path)) {
    NodeId next = state_->disk.find(at, part);
    if (!next) {
      next = state_->disk.create(at, part, true);
      if (!state_->ignores_folder_sync()) state_->disk.sync_names(at);
    }
    if (!state_->disk.is_folder(next))
      return fail(Errc::already_exists, "make folder " + path + ": a file is there");
    at = next;
  }
  return {};
}

Result<std::vector<std::string>> VirtualFs::list(const std::string& folder) {
  const std::scoped_lock guard(state_->mutex);
  DUNLIN_CHECK(state_->check_running());
  DUNLIN_TRY(const NodeId node, state_->find_existing(folder));
  if (!state_->disk.is_folder(node)) return fail(Errc::io, "list " + folder + ": not a folder");
  std::vector<std::string> names;
  for (const auto& [name, child] : state_->disk.names(node)) names.push_back(name);
  return names;
}

Result<void> VirtualFs::remove(const std::string& path) {
  const std::scoped_lock guard(state_->mutex);
  DUNLIN_CHECK(state_->begin_change());
  DUNLIN_TRY(const State::Place place, state_->place(path));
  if (!place.node) return fail(Errc::not_found, "remove " + path + ": not there");
  if (state_->disk.is_folder(place.node) && !state_->disk.names(place.node).empty()) {
    return fail(Errc::io, "remove " + path + ": the folder is not empty");
  }
  state_->disk.unlink(place.folder, place.name);
  return {};
}

Result<void> VirtualFs::remove_all(const std::string& path) {
  const std::scoped_lock guard(state_->mutex);
  DUNLIN_CHECK(state_->begin_change());
  DUNLIN_TRY(const NodeId node, state_->find(split(path)));
  if (!node) return {};
  if (state_->disk.is_folder(node)) state_->remove_below(node);
  if (node == state_->disk.root()) return {};
  DUNLIN_TRY(const State::Place place, state_->place(path));
  state_->disk.unlink(place.folder, place.name);
  return {};
}

Result<void> VirtualFs::rename(const std::string& from, const std::string& to) {
  const std::scoped_lock guard(state_->mutex);
  DUNLIN_CHECK(state_->begin_change());
  DUNLIN_TRY(const State::Place source, state_->place(from));
  DUNLIN_TRY(const State::Place target, state_->place(to));
  if (!source.node) return fail(Errc::not_found, "rename " + from + ": not there");
  if (source.node == target.node) return {};
  const bool moves_folder = state_->disk.is_folder(source.node);
  if (target.node) {
    const bool replaces_folder = state_->disk.is_folder(target.node);
    if (replaces_folder != moves_folder)
      return fail(Errc::io, "rename " + from + " to " + to + ": of another kind");
    if (replaces_folder && !state_->disk.names(target.node).empty()) {
      return fail(Errc::io, "rename " + from + " to " + to + ": the folder is not empty");
    }
  }
  const Path source_path = split(from);
  const Path target_path = split(to);
  if (moves_folder && std::ranges::mismatch(source_path, target_path).in1 == source_path.end()) {
    return fail(Errc::io, "rename " + from + " to " + to + ": into itself");
  }
  state_->disk.rename(source.folder, source.name, target.folder, target.name);
  return {};
}

bool VirtualFs::exists(const std::string& path) {
  const std::scoped_lock guard(state_->mutex);
  const auto node = state_->find(split(path));
  return node && *node;
}

bool VirtualFs::is_folder(const std::string& path) {
  const std::scoped_lock guard(state_->mutex);
  const auto node = state_->find(split(path));
  return node && *node && state_->disk.is_folder(*node);
}

Result<void> VirtualFs::sync_folder(const std::string& folder) {
  const std::scoped_lock guard(state_->mutex);
  ++state_->counts.folder_syncs;
  DUNLIN_CHECK(state_->begin_change());
  DUNLIN_TRY(const NodeId node, state_->find_existing(folder));
  if (!state_->disk.is_folder(node)) return fail(Errc::io, "sync " + folder + ": not a folder");
  if (!state_->ignores_folder_sync()) state_->disk.sync_names(node);
  return {};
}

Result<std::unique_ptr<File>> VirtualFs::lock(const std::string& path) {
  const std::scoped_lock guard(state_->mutex);
  DUNLIN_CHECK(state_->check_running());
  DUNLIN_TRY(State::Place place, state_->place(path));
  if (place.node && state_->disk.is_folder(place.node))
    return fail(Errc::io, "lock " + path + ": is a folder");
  if (place.node && state_->disk.is_locked(place.node)) {
    return fail(Errc::conflict, "lock " + path + ": another process holds it");
  }
  if (!place.node) {
    DUNLIN_CHECK(state_->begin_change());
    place.node = state_->disk.create(place.folder, place.name, false);
  }
  return std::make_unique<VirtualFile>(*state_, place.node, VirtualFile::Access::lock);
}

Result<std::uint64_t> VirtualFs::free_space(const std::string& folder) {
  const std::scoped_lock guard(state_->mutex);
  DUNLIN_CHECK(state_->check_running());
  DUNLIN_CHECK(state_->find_existing(folder));
  return state_->disk.free_bytes();
}

}  // namespace dunlin
