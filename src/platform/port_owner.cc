#include "platform/port_owner.h"

#include <dirent.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <set>

namespace dunlin::platform {
namespace {

constexpr int kListening = 0x0a;  // TCP_LISTEN in /proc/net/tcp

std::set<std::string> listening_inodes(std::uint16_t port) {
  std::set<std::string> inodes;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream lines(table);
    std::string line;
    while (std::getline(lines, line)) {
      unsigned local_port = 0;
      unsigned state = 0;
      unsigned long inode = 0;
      // sl local:port remote:port state queues timer retransmits uid timeout inode
      const int fields =
          std::sscanf(line.c_str(), " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*d %*d %lu",
                      &local_port, &state, &inode);
      if (fields == 3 && local_port == port && state == kListening)
        inodes.insert("socket:[" + std::to_string(inode) + "]");
    }
  }
  return inodes;
}

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

bool holds_one(const std::string& process, const std::set<std::string>& inodes) {
  const std::string path = "/proc/" + process + "/fd";
  const Folder folder(opendir(path.c_str()));
  if (!folder) return false;
  while (const dirent* entry = readdir(folder.get())) {
    std::array<char, 64> target{};
    const ssize_t length = readlink((path + "/" + entry->d_name).c_str(), target.data(), target.size() - 1);
    if (length > 0 && inodes.contains(std::string(target.data(), static_cast<std::size_t>(length))))
      return true;
  }
  return false;
}

}  // namespace

std::string port_owner(std::uint16_t port) {
  const auto inodes = listening_inodes(port);
  const Folder processes(opendir("/proc"));
  while (processes && !inodes.empty()) {
    const dirent* entry = readdir(processes.get());
    if (entry == nullptr) break;
    const std::string process = entry->d_name;
    if (process.find_first_not_of("0123456789") != std::string::npos || !holds_one(process, inodes)) continue;
    std::string name;
    std::getline(std::ifstream("/proc/" + process + "/comm"), name);
    return name + " (process " + process + ")";
  }
  return "another process";
}

int process_id() {
  return static_cast<int>(getpid());
}

}  // namespace dunlin::platform
