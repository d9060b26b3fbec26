#pragma once
// How much of its memory the process has left, in three steps, and where the numbers come from.

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/fs.h"
#include "base/result.h"

namespace dunlin {

/// `tight`: new work is refused. `critical`: what may be lost goes, and publishers are slowed or refused.
enum class MemoryLevel : std::uint8_t { normal, tight, critical };
inline constexpr std::size_t kMemoryLevels = 3;
/// "normal" ...: the stable word of the API, the metrics and the log.
std::string_view memory_level_name(MemoryLevel level);

/// The level after `present`, with so much in use: it is left only when a good part less is used than what it
/// began with, so that it does not flutter. No budget (0): always normal.
MemoryLevel next_memory_level(MemoryLevel present, std::uint64_t used_bytes, std::uint64_t budget_bytes);

/// What this process has in memory at the moment. Errors: unsupported (no /proc), io.
Result<std::uint64_t> resident_bytes(Fs& fs);

/// What the machine has, or the control group of this process may use, whichever is less; 0: not known.
std::uint64_t available_memory(Fs& fs);

}  // namespace dunlin
