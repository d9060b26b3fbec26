#pragma once
// Listening sockets with a name in the file system (unix(7)).

#include <sys/types.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "net/unique_fd.h"

namespace dunlin::net {

/// The name of a socket that we made. Its end removes it, unless someone has put another in its place.
class UnixSocketFile {
 public:
  UnixSocketFile(std::string path, dev_t device, ino_t inode)
      : path_(std::move(path)), device_(device), inode_(inode) {}
  ~UnixSocketFile();
  UnixSocketFile(const UnixSocketFile&) = delete;
  UnixSocketFile& operator=(const UnixSocketFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  dev_t device_;
  ino_t inode_;
};

struct UnixListeningSocket {
  UniqueFd fd;
  std::unique_ptr<UnixSocketFile> file;
};

/// Binds, non-blocking, with exactly `mode`; nobody can connect with more rights in between. A socket that is
/// left over is replaced if nobody listens on it any more. Errors: invalid_argument (the path is empty, too
/// long, or names something that is no socket), unavailable (someone listens there, or the folder is not
/// there), permission_denied.
Result<UnixListeningSocket> open_unix_socket(const std::string& path, mode_t mode, int backlog);

}  // namespace dunlin::net
