// Preloaded into a program, keeps beside its data folder an image of what a power cut would leave of it: of
// each file the bytes of its last fsync, of each folder the names of its last fsync. Nothing that a write or
// a rename did is in it before.
//
// POWER_CUT_FOLDER: the data folder, an absolute path. POWER_CUT_IMAGE: where the image is kept; an empty
// folder is filled with what the data folder holds at the start. POWER_CUT_IGNORE_SYNC: syncs change nothing
// (to show that the tests notice).
//
// The image: `root` holds the key of the data folder; `names-KEY` of a folder has a line `f|d MODE KEY NAME`
// for each entry; `data-KEY` is a file's content, and a file without it is empty. Keys outlive names, so a
// rename moves no content.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace {

constexpr off_t kEnd = std::numeric_limits<off_t>::max();

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

struct Range {
  off_t from = kEnd;
  off_t to = 0;
};

struct Identity {
  std::string key;
  mode_t mode = 0;
  off_t size = 0;
};

/// The inode's number may be used again; its birth tells the two apart.
std::optional<Identity> identify(int fd, const char* name) {
  struct statx found{};
  const int flags = AT_SYMLINK_NOFOLLOW | (*name == '\0' ? AT_EMPTY_PATH : 0);
  if (statx(fd, name, flags, STATX_BASIC_STATS | STATX_BTIME, &found) != 0) return std::nullopt;
  char key[64];
  std::snprintf(key, sizeof key, "%llx-%llx-%x", static_cast<unsigned long long>(found.stx_ino),
                static_cast<unsigned long long>(found.stx_btime.tv_sec), found.stx_btime.tv_nsec);
  return Identity{key, found.stx_mode, static_cast<off_t>(found.stx_size)};
}

std::string path_of(int fd) {
  char path[4096];
  const ssize_t length = readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : std::string();
}

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "synced_image: %s: %s\n", what.c_str(), std::strerror(errno));
  std::abort();
}

class Image {
 public:
  Image() {
    const char* folder = std::getenv("POWER_CUT_FOLDER");
    const char* image = std::getenv("POWER_CUT_IMAGE");
    if (folder == nullptr || image == nullptr) return;
    folder_ = folder;
    image_ = image;
    ignore_sync_ = std::getenv("POWER_CUT_IGNORE_SYNC") != nullptr;
    if (access((image_ + "/root").c_str(), F_OK) == 0) return;
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) give_up(folder_);
    take_folder(fd);
    write_file("root", identify(fd, "")->key);
    close(fd);
  }

  void note_write(int fd, Range range) {
    if (folder_.empty()) return;
    const int saved = errno;
    const std::lock_guard lock(mutex_);
    if (const auto file = watched(fd); file && S_ISREG(file->mode)) {
      auto& dirty = dirty_[file->key];
      dirty.from = std::min(dirty.from, range.from);
      dirty.to = std::max(dirty.to, range.to);
    }
    errno = saved;
  }

  /// After the real sync has succeeded.
  void note_sync(int fd) {
    if (folder_.empty() || ignore_sync_) return;
    const int saved = errno;
    const std::lock_guard lock(mutex_);
    if (const auto file = watched(fd)) {
      if (S_ISDIR(file->mode)) write_names(fd, file->key);
      if (S_ISREG(file->mode)) copy_dirty(fd, *file);
    }
    errno = saved;
  }

 private:
  std::optional<Identity> watched(int fd) {
    auto file = identify(fd, "");
    if (!file) return std::nullopt;
    auto known = is_watched_.find(file->key);
    if (known == is_watched_.end()) {
      const std::string path = path_of(fd);
      const bool inside = path == folder_ || path.compare(0, folder_.size() + 1, folder_ + "/") == 0;
      known = is_watched_.emplace(file->key, inside).first;
    }
    return known->second ? file : std::nullopt;
  }

  void copy_dirty(int fd, const Identity& file) {
    // A process that was killed has left dirty pages that it cannot tell us of: the first sync copies all.
    const Range dirty = synced_before_.insert(file.key).second ? Range{0, kEnd} : dirty_[file.key];
    dirty_[file.key] = Range{};
    const int from = open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC);
    const int to = open((image_ + "/data-" + file.key).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (from < 0 || to < 0) give_up("data-" + file.key);
    std::vector<char> buffer(1 << 16);
    for (off_t at = dirty.from; at < std::min(dirty.to, file.size);) {
      const auto wanted =
          std::min<off_t>(static_cast<off_t>(buffer.size()), std::min(dirty.to, file.size) - at);
      const ssize_t got = pread(from, buffer.data(), static_cast<std::size_t>(wanted), at);
      if (got <= 0) break;
      if (real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite")(
              to, buffer.data(), static_cast<std::size_t>(got), at) != got)
        give_up("data-" + file.key);
      at += got;
    }
    if (real<int (*)(int, off_t)>("ftruncate")(to, file.size) != 0) give_up("data-" + file.key);
    close(from);
    close(to);
  }

  void write_names(int fd, const std::string& key) {
    const int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* folder = own < 0 ? nullptr : fdopendir(own);
    if (folder == nullptr) give_up("names-" + key);
    std::string lines;
    while (const dirent* entry = readdir(folder)) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      const auto found = identify(own, name.c_str());
      if (!found) continue;  // removed meanwhile
      char mode[16];
      std::snprintf(mode, sizeof mode, "%o", found->mode & 07777);
      lines += std::string(S_ISDIR(found->mode) ? "d " : "f ") + mode + " " + found->key + " " + name + "\n";
    }
    closedir(folder);
    write_file("names-" + key, lines);
  }

  void write_file(const std::string& name, const std::string& text) {
    const std::string path = image_ + "/" + name;
    std::FILE* file = std::fopen((path + ".new").c_str(), "we");
    if (file == nullptr || std::fwrite(text.data(), 1, text.size(), file) != text.size() ||
        std::fclose(file) != 0 || std::rename((path + ".new").c_str(), path.c_str()) != 0)
      give_up(path);
  }

  /// Everything below an open folder, as if it had been synced.
  void take_folder(int fd) {
    write_names(fd, identify(fd, "")->key);
    DIR* folder = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    while (const dirent* entry = readdir(folder)) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      const int child = openat(fd, name.c_str(), O_RDONLY | O_CLOEXEC);
      if (child < 0) give_up(name);
      const auto found = *identify(child, "");
      if (S_ISDIR(found.mode)) take_folder(child);
      if (S_ISREG(found.mode)) {
        copy_dirty(child, found);
      }
      close(child);
    }
    closedir(folder);
  }

  std::mutex mutex_;
  std::string folder_;
  std::string image_;
  bool ignore_sync_ = false;
  std::map<std::string, Range> dirty_;
  std::set<std::string> synced_before_;
  std::map<std::string, bool> is_watched_;
};

Image& image() {
  static auto* const one = std::make_unique<Image>().release();  // outlives the program's own destructors
  return *one;
}

__attribute__((constructor)) void take_first_image() {
  image();
}

/// A write at the file's own position has just moved it.
ssize_t note_sequential(int fd, ssize_t written) {
  if (written <= 0) return written;
  const int saved = errno;
  const off_t end = lseek(fd, 0, SEEK_CUR);
  errno = saved;
  if (end >= 0) image().note_write(fd, {end - written, end});
  return written;
}

ssize_t note_positioned(int fd, off_t at, ssize_t written) {
  if (written > 0) image().note_write(fd, {at, at + written});
  return written;
}

int note_opened(int fd, int flags) {
  if (fd >= 0 && (flags & O_TRUNC) != 0) image().note_write(fd, {0, kEnd});
  return fd;
}

int note_truncated(int fd, off_t size, int result) {
  if (result == 0) image().note_write(fd, {size, kEnd});
  return result;
}

int note_synced(int fd, int result) {
  if (result == 0) image().note_sync(fd);
  return result;
}

mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* data, size_t size) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t)>("write");
  return note_sequential(fd, next(fd, data, size));
}
ssize_t writev(int fd, const iovec* parts, int count) {
  static const auto next = real<ssize_t (*)(int, const iovec*, int)>("writev");
  return note_sequential(fd, next(fd, parts, count));
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  return note_positioned(fd, at, next(fd, data, size, at));
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  return pwrite(fd, data, size, at);
}
ssize_t pwritev(int fd, const iovec* parts, int count, off_t at) {
  static const auto next = real<ssize_t (*)(int, const iovec*, int, off_t)>("pwritev");
  return note_positioned(fd, at, next(fd, parts, count, at));
}
ssize_t pwritev64(int fd, const iovec* parts, int count, off64_t at) {
  return pwritev(fd, parts, count, at);
}
int ftruncate(int fd, off_t size) noexcept {
  static const auto next = real<int (*)(int, off_t)>("ftruncate");
  return note_truncated(fd, size, next(fd, size));
}
int ftruncate64(int fd, off64_t size) noexcept {
  return ftruncate(fd, size);
}
int open(const char* path, int flags, ...) {
  static const auto next = real<int (*)(const char*, int, mode_t)>("open");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return note_opened(next(path, flags, mode), flags);
}
int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open(path, flags, mode);
}
int openat(int folder, const char* path, int flags, ...) {
  static const auto next = real<int (*)(int, const char*, int, mode_t)>("openat");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return note_opened(next(folder, path, flags, mode), flags);
}
int openat64(int folder, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return openat(folder, path, flags, mode);
}
int fsync(int fd) {
  static const auto next = real<int (*)(int)>("fsync");
  return note_synced(fd, next(fd));
}
int fdatasync(int fd) {
  static const auto next = real<int (*)(int)>("fdatasync");
  return note_synced(fd, next(fd));
}

}  // extern "C"
