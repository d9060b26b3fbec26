// The operating system's files, by POSIX calls.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <system_error>

#include "base/core/assert.h"
#include "base/file_mode.h"
#include "base/fs.h"

namespace dunlin {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kPublicFileMode = 0644;
constexpr mode_t kFolderMode = 0700;

Errc code_of(int error_number) {
  switch (error_number) {
    case ENOENT:
      return Errc::not_found;
    case EEXIST:
      return Errc::already_exists;
    case ENOSPC:
    case EDQUOT:
      return Errc::no_space;
    case EOPNOTSUPP:
      return Errc::unsupported;
    default:
      return Errc::io;
  }
}

std::unexpected<Error> system_error(std::string_view what, const std::string& path, int error_number) {
  return fail(code_of(error_number),
              std::string(what) + " " + path + ": " + std::generic_category().message(error_number));
}

// Repeats a call that a signal interrupted.
template <class Call>
auto retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

bool is_representable(std::uint64_t offset, std::size_t length = 0) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
  return offset <= kMost && length <= kMost - offset;
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    // close() is not repeated: after EINTR Linux has already given the number away.
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int value() const { return value_; }
  explicit operator bool() const { return value_ >= 0; }

 private:
  int value_;
};

class SystemFile final : public File {
 public:
  /// `direct` writes past the cache, or is none.
  SystemFile(Descriptor descriptor, Descriptor direct, std::string path)
      : descriptor_(std::move(descriptor)), direct_(std::move(direct)), path_(std::move(path)) {}

  Result<void> append(ByteView bytes) override {
    DUNLIN_TRY(const std::uint64_t end, size());
    Result<void> written = write_at(end, bytes);
    if (!written)
      static_cast<void>(truncate(end));  // a part must not look like a record; the first error is reported
    return written;
  }

  Result<void> write_at(std::uint64_t offset, ByteView bytes) override {
    if (!is_representable(offset, bytes.size())) return system_error("write", path_, EFBIG);
    while (!bytes.empty()) {
      const ssize_t done = write_some(offset, bytes);
      if (done < 0) return system_error("write", path_, errno);
      if (done == 0) return system_error("write", path_, EIO);
      offset += static_cast<std::uint64_t>(done);
      bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
    return {};
  }

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView out) const override {
    if (!is_representable(offset, out.size())) return system_error("read", path_, EFBIG);
    std::size_t total = 0;
    while (total < out.size()) {
      const MutableByteView rest = out.subspan(total);
      const auto at = static_cast<off_t>(offset + total);
      ssize_t got = retry([&] { return ::pread(fd(), rest.data(), rest.size(), at); });
      // Pipes (/dev/stdin, process substitution) have no offsets: they are read in order.
      if (got < 0 && errno == ESPIPE) got = retry([&] { return ::read(fd(), rest.data(), rest.size()); });
      if (got < 0) return system_error("read", path_, errno);
      if (got == 0) break;
      total += static_cast<std::size_t>(got);
    }
    return total;
  }

  Result<std::uint64_t> size() const override {
    struct stat info{};
    if (::fstat(fd(), &info) != 0) return system_error("stat", path_, errno);
    return static_cast<std::uint64_t>(info.st_size);
  }

  Result<void> truncate(std::uint64_t size) override {
    if (!is_representable(size)) return system_error("truncate", path_, EFBIG);
    if (retry([&] { return ::ftruncate(fd(), static_cast<off_t>(size)); }) != 0) {
      return system_error("truncate", path_, errno);
    }
    return {};
  }

  Result<void> reserve(std::uint64_t size) override {
    if (size == 0) return {};
    if (!is_representable(size)) return system_error("reserve", path_, EFBIG);
    if (retry([&] { return ::fallocate(fd(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)); }) != 0) {
      return system_error("reserve", path_, errno);
    }
    return {};
  }

  Result<void> sync() override {
    if (retry([&] { return ::fdatasync(fd()); }) != 0) return system_error("sync", path_, errno);
    return {};
  }

 private:
  int fd() const { return descriptor_.value(); }

  ssize_t write_some(std::uint64_t offset, ByteView bytes) {
    const auto write = [&](int to) {
      return retry([&] { return ::pwrite(to, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    };
    const ssize_t done = write(direct_ ? direct_.value() : fd());
    // A file system with larger blocks takes them through its cache (open(2)).
    return done < 0 && errno == EINVAL && direct_ ? write(fd()) : done;
  }

  Descriptor descriptor_;
  Descriptor direct_;
  std::string path_;
};

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::read:
      return O_RDONLY;
    case OpenMode::append:
    case OpenMode::read_write:
    case OpenMode::direct:
      return O_RDWR | O_CREAT;
    case OpenMode::create_new:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

Result<Descriptor> open_descriptor(const std::string& path, int flags) {
  Descriptor descriptor(retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, kFileMode); }));
  if (!descriptor) return system_error("open", path, errno);
  return descriptor;
}

class SystemFs final : public Fs {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    DUNLIN_TRY(Descriptor descriptor, open_descriptor(path, flags_of(mode)));
    struct stat info{};
    if (::fstat(descriptor.value(), &info) != 0) return system_error("stat", path, errno);
    if (S_ISDIR(info.st_mode)) return system_error("open", path, EISDIR);
    // Where the file system has nothing but its cache, there is none.
    const bool past_cache = mode == OpenMode::direct;
    Descriptor direct(
        past_cache ? retry([&] { return ::open(path.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC); }) : -1);
    return std::make_unique<SystemFile>(std::move(descriptor), std::move(direct), path);
  }

  Result<void> create_folders(const std::string& path) override {
    if (is_folder(path)) return {};
    const std::string parent = parent_folder(path);
    if (parent != path) DUNLIN_CHECK(create_folders(parent));
    if (::mkdir(path.c_str(), kFolderMode) == 0) return sync_folder(parent);
    if (errno == EEXIST && is_folder(path)) return {};  // another thread was first
    return system_error("make folder", path, errno);
  }

  Result<std::vector<std::string>> list(const std::string& folder) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(folder.c_str()), &::closedir);
    if (stream == nullptr) return system_error("list", folder, errno);
    std::vector<std::string> names;
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return system_error("list", folder, errno);
    std::ranges::sort(names);
    return names;
  }

  Result<void> remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return system_error("remove", path, errno == EEXIST ? ENOTEMPTY : errno);
    return {};
  }

  Result<void> remove_all(const std::string& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return system_error("remove", path, error.value());
    return {};
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return system_error("rename", from + " to " + to, errno == EEXIST ? ENOTEMPTY : errno);
    }
    return {};
  }

  Result<void> let_everyone_read(const std::string& path) override {
    if (::chmod(path.c_str(), kPublicFileMode) != 0) return system_error("chmod", path, errno);
    return {};
  }

  bool exists(const std::string& path) override {
    struct stat info{};
    return ::lstat(path.c_str(), &info) == 0;
  }

  bool is_folder(const std::string& path) override {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  }

  Result<void> sync_folder(const std::string& folder) override {
    DUNLIN_TRY(const Descriptor descriptor, open_descriptor(folder, O_RDONLY | O_DIRECTORY));
    if (retry([&] { return ::fsync(descriptor.value()); }) != 0) return system_error("sync", folder, errno);
    return {};
  }

  Result<std::unique_ptr<File>> lock(const std::string& path) override {
    DUNLIN_TRY(Descriptor descriptor, open_descriptor(path, O_RDWR | O_CREAT));
    if (retry([&] { return ::flock(descriptor.value(), LOCK_EX | LOCK_NB); }) != 0) {
      if (errno == EWOULDBLOCK) return fail(Errc::conflict, "lock " + path + ": another process holds it");
      return system_error("lock", path, errno);
    }
    return std::make_unique<SystemFile>(std::move(descriptor), Descriptor(-1), path);
  }

  Result<std::uint64_t> free_space(const std::string& folder) override {
    struct statvfs info{};
    if (retry([&] { return ::statvfs(folder.c_str(), &info); }) != 0)
      return system_error("stat", folder, errno);
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  }
};

}  // namespace

Result<unsigned> file_mode(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return system_error("stat", path, errno);
  return info.st_mode & 0777U;
}

std::unique_ptr<Fs> make_system_fs() {
  return std::make_unique<SystemFs>();
}

}  // namespace dunlin
