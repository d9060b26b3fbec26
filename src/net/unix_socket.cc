#include "net/unix_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "net/limits.h"

namespace dunlin::net {
namespace {

std::unexpected<Error> file_error(const std::string& path, const char* step, int error) {
  const bool denied = error == EACCES || error == EPERM;
  return fail(denied ? Errc::permission_denied : Errc::unavailable,
              "cannot " + std::string(step) + " " + path + ": " + std::strerror(error));
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  static_assert(sizeof address.sun_path == kMaxUnixPathBytes + 1);
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() > kMaxUnixPathBytes || path.find('\0') != std::string::npos) {
    return fail(Errc::invalid_argument,
                "the path of a Unix socket has 1 to " + std::to_string(kMaxUnixPathBytes) + " bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

UniqueFd new_socket() {
  return UniqueFd{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
}

/// Whoever binds in a folder holds its lock meanwhile: between the look at what is left over and its removal
/// nobody else can put a living socket there.
Result<UniqueFd> lock_folder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
  UniqueFd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd.valid()) return file_error(folder, "open the folder", errno);
  if (::flock(fd.get(), LOCK_EX) != 0) return file_error(folder, "lock the folder", errno);
  return fd;
}

Result<void> remove_left_over(const std::string& path, const sockaddr_un& address) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode))
    return fail(Errc::invalid_argument, path + " is there already and is no socket; it is left alone");
  const UniqueFd probe = new_socket();
  if (!probe.valid()) return file_error(path, "open a socket for", errno);
  // A full backlog (EAGAIN) is someone who listens, too.
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno != ECONNREFUSED) {
    return fail(Errc::unavailable, "another process listens on " + path);
  }
  if (::unlink(path.c_str()) != 0) return file_error(path, "remove the old socket", errno);
  return {};
}

}  // namespace

UnixSocketFile::~UnixSocketFile() {
  struct stat found{};
  if (::lstat(path_.c_str(), &found) != 0 || found.st_dev != device_ || found.st_ino != inode_) return;
  ::unlink(path_.c_str());
}

Result<UnixListeningSocket> open_unix_socket(const std::string& path, mode_t mode, int backlog) {
  DUNLIN_TRY(const sockaddr_un address, address_of(path));
  DUNLIN_TRY(const UniqueFd lock, lock_folder(path));
  DUNLIN_CHECK(remove_left_over(path, address));
  UnixListeningSocket made{new_socket(), nullptr};
  if (!made.fd.valid()) return file_error(path, "open a socket for", errno);
  // The name gets what is set here, less the umask; chmod gives back what the umask took.
  if (::fchmod(made.fd.get(), mode) != 0) return file_error(path, "set the rights of", errno);
  if (::bind(made.fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return file_error(path, "bind", errno);
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) return file_error(path, "find", errno);
  made.file = std::make_unique<UnixSocketFile>(path, found.st_dev, found.st_ino);
  if (::chmod(path.c_str(), mode) != 0) return file_error(path, "set the rights of", errno);
  if (::listen(made.fd.get(), backlog) != 0) return file_error(path, "listen on", errno);
  return made;
}

}  // namespace dunlin::net
