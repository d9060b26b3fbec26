#include "load/process_usage.h"

#include <unistd.h>

#include <sstream>
#include <string>

namespace dunlin::load {
namespace {

// proc(5): fields 14 and 15 of stat, counted from behind the name, which may hold blanks and brackets.
double cpu_seconds_of(const std::string& stat) {
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  fields >> user >> system;
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::uint64_t resident_bytes_of(const std::string& statm) {
  std::istringstream fields(statm);
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  fields >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

Result<ProcessUsage> process_usage(Fs& fs, const std::vector<int>& process_ids) {
  ProcessUsage sum;
  for (const int id : process_ids) {
    const std::string folder = "/proc/" + std::to_string(id);
    const auto stat = read_file(fs, folder + "/stat");
    const auto statm = read_file(fs, folder + "/statm");
    if (!stat || !statm) return fail(Errc::not_found, "process " + std::to_string(id) + " is not running");
    sum.cpu_seconds += cpu_seconds_of(*stat);
    sum.resident_bytes += resident_bytes_of(*statm);
  }
  return sum;
}

}  // namespace dunlin::load
