#pragma once
// A file system in memory for this room's tests: it can fail, or "lose power", at the n-th changing call.

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/fs.h"

namespace dunlin::security {

/// Keeps what was written, also without sync: power cuts in the middle of a file are the business of base's
/// own tests; here the order of whole files counts. One thread.
class MemoryFs final : public Fs {
 public:
  std::map<std::string, std::string> files;
  std::set<std::string> folders;
  long changes = 0;
  long fail_from = -1;  // this changing call and all later ones fail; -1: never

  Result<void> change() {
    if (fail_from >= 0 && changes >= fail_from) return fail(Errc::io, "the power is off");
    ++changes;
    return {};
  }

  class MemoryFile final : public File {
   public:
    MemoryFile(MemoryFs& fs, std::string path) : fs_(fs), path_(std::move(path)) {}
    Result<void> append(ByteView bytes) override {
      DUNLIN_CHECK(fs_.change());
      fs_.files[path_].append(as_text(bytes));
      return {};
    }
    Result<void> write_at(std::uint64_t offset, ByteView bytes) override {
      DUNLIN_CHECK(fs_.change());
      std::string& text = fs_.files[path_];
      text.resize(std::max<std::size_t>(text.size(), offset + bytes.size()));
      text.replace(offset, bytes.size(), as_text(bytes));
      return {};
    }
    Result<std::size_t> read_at(std::uint64_t offset, MutableByteView out) const override {
      // Not operator[]: it may change the map, and read_at() may be called by several threads at once.
      const auto found = fs_.files.find(path_);
      if (found == fs_.files.end()) return fail(Errc::io, path_ + " was removed");
      const std::string& text = found->second;
      if (offset >= text.size()) return std::size_t{0};
      const std::size_t length = std::min<std::size_t>(out.size(), text.size() - offset);
      std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(offset), length, out.begin());
      return length;
    }
    Result<std::uint64_t> size() const override { return fs_.files[path_].size(); }
    Result<void> truncate(std::uint64_t size) override {
      DUNLIN_CHECK(fs_.change());
      fs_.files[path_].resize(size);
      return {};
    }
    Result<void> reserve(std::uint64_t) override { return {}; }
    Result<void> sync() override { return fs_.change(); }

   private:
    MemoryFs& fs_;
    std::string path_;
  };

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    if (mode == OpenMode::read && !files.contains(path)) return fail(Errc::not_found, path);
    if (mode == OpenMode::create_new && files.contains(path)) return fail(Errc::already_exists, path);
    if (!files.contains(path)) {
      DUNLIN_CHECK(change());
      files[path];
    }
    return std::make_unique<MemoryFile>(*this, path);
  }
  Result<void> create_folders(const std::string& path) override {
    folders.insert(path);
    return {};
  }
  Result<std::vector<std::string>> list(const std::string& folder) override {
    std::vector<std::string> names;
    for (const auto& [path, text] : files) {
      if (parent_folder(path) == folder) names.push_back(path.substr(folder.size() + 1));
    }
    return names;
  }
  Result<void> remove(const std::string& path) override {
    DUNLIN_CHECK(change());
    if (files.erase(path) == 0) return fail(Errc::not_found, path);
    return {};
  }
  Result<void> remove_all(const std::string& path) override {
    DUNLIN_CHECK(change());
    std::erase_if(
        files, [&](const auto& entry) { return entry.first == path || entry.first.starts_with(path + "/"); });
    return {};
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    DUNLIN_CHECK(change());
    if (!files.contains(from)) return fail(Errc::not_found, from);
    files[to] = files[from];
    files.erase(from);
    return {};
  }
  bool exists(const std::string& path) override { return files.contains(path) || folders.contains(path); }
  bool is_folder(const std::string& path) override { return folders.contains(path); }
  Result<void> sync_folder(const std::string&) override { return change(); }
  Result<std::unique_ptr<File>> lock(const std::string& path) override {
    return open(path, OpenMode::read_write);
  }
  Result<std::uint64_t> free_space(const std::string&) override { return std::uint64_t{1} << 40; }
};

}  // namespace dunlin::security
