#include "base/memory_level.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "base/limits.h"

namespace dunlin {
namespace {

constexpr std::size_t kMaxProcFileBytes = 64 * 1024;

std::optional<std::uint64_t> first_number(std::string_view text) {
  const std::size_t begin = text.find_first_of("0123456789");
  if (begin == std::string_view::npos) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + begin, text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

std::uint64_t share_of(std::uint64_t bytes, unsigned percent) {
  return bytes / 100 * percent;
}

std::optional<std::uint64_t> number_in(Fs& fs, const std::string& path) {
  const auto text = read_file(fs, path, kMaxProcFileBytes);
  if (!text) return std::nullopt;
  return first_number(*text);  // none in "max": no limit
}

std::optional<std::uint64_t> memory_of_machine(Fs& fs) {
  const auto text = read_file(fs, "/proc/meminfo", kMaxProcFileBytes);
  if (!text) return std::nullopt;
  constexpr std::string_view kTotal = "MemTotal:";
  const std::size_t at = text->find(kTotal);
  if (at == std::string::npos) return std::nullopt;
  const auto kilobytes = first_number(std::string_view(*text).substr(at + kTotal.size()));
  if (!kilobytes) return std::nullopt;
  return *kilobytes * 1024;
}

/// The least of the group's own limit and those of the groups around it (cgroups(7), version 2; of version 1
/// the group as a container sees it).
std::optional<std::uint64_t> memory_of_group(Fs& fs) {
  std::optional<std::uint64_t> least = number_in(fs, "/sys/fs/cgroup/memory/memory.limit_in_bytes");
  const auto take = [&least](std::optional<std::uint64_t> limit) {
    if (limit) least = std::min(least.value_or(*limit), *limit);
  };
  const auto groups = read_file(fs, "/proc/self/cgroup", kMaxProcFileBytes);
  const std::size_t at = groups ? groups->find("0::/") : std::string::npos;
  std::string group;
  if (at != std::string::npos) group = groups->substr(at + 3, groups->find('\n', at) - at - 3);
  while (!group.empty()) {
    take(number_in(fs, "/sys/fs/cgroup" + group + "/memory.max"));
    group.resize(group.rfind('/'));
  }
  take(number_in(fs, "/sys/fs/cgroup/memory.max"));
  return least;
}

}  // namespace

std::string_view memory_level_name(MemoryLevel level) {
  switch (level) {
    case MemoryLevel::normal:
      return "normal";
    case MemoryLevel::tight:
      return "tight";
    case MemoryLevel::critical:
      return "critical";
  }
  return "unknown";
}

MemoryLevel next_memory_level(MemoryLevel present, std::uint64_t used, std::uint64_t budget) {
  if (budget == 0) return MemoryLevel::normal;
  const unsigned critical = present == MemoryLevel::critical ? kCriticalEndsPercent : kCriticalPercent;
  if (used >= share_of(budget, critical)) return MemoryLevel::critical;
  const unsigned tight = present == MemoryLevel::normal ? kTightPercent : kTightEndsPercent;
  return used >= share_of(budget, tight) ? MemoryLevel::tight : MemoryLevel::normal;
}

Result<std::uint64_t> resident_bytes(Fs& fs) {
  const auto text = read_file(fs, "/proc/self/statm", kMaxProcFileBytes);
  if (!text) return std::unexpected(text.error());
  const std::size_t second = text->find(' ');  // proc(5): size resident shared ..., in pages
  const auto pages = second == std::string::npos ? std::nullopt : first_number(text->substr(second));
  if (!pages) return fail(Errc::unsupported, "/proc/self/statm has no resident set");
  return *pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t available_memory(Fs& fs) {
  const std::uint64_t machine = memory_of_machine(fs).value_or(0);
  const std::uint64_t group = memory_of_group(fs).value_or(machine);
  return machine == 0 ? group : std::min(machine, group);
}

}  // namespace dunlin
