// Preloaded into a program, lets every sync of a file whose path contains FAILING_SYNC_PATH fail with EIO
// while the file FAILING_SYNC_TRIGGER exists.
#include <dlfcn.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

namespace {

bool fails(int fd) {
  const char* part = std::getenv("FAILING_SYNC_PATH");
  const char* trigger = std::getenv("FAILING_SYNC_TRIGGER");
  if (part == nullptr || trigger == nullptr || access(trigger, F_OK) != 0) return false;
  char path[4096];
  const ssize_t length = readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
  return length > 0 && std::string(path, static_cast<std::size_t>(length)).find(part) != std::string::npos;
}

int sync_with(const char* name, int fd) {
  if (fails(fd)) {
    errno = EIO;
    return -1;
  }
  return reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, name))(fd);
}

}  // namespace

extern "C" {
int fsync(int fd) {
  return sync_with("fsync", fd);
}
int fdatasync(int fd) {
  return sync_with("fdatasync", fd);
}
}
