#pragma once
// Which refusals are written and which are only counted. Private to the room.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace dunlin::log {

/// Admits one line per (message, peer) and kRefusalWindow. The table holds at most kMaxRefusalEntries: past
/// it, all pairs that are not in the table count as one. One thread at a time.
class RefusalSampler {
 public:
  /// How many lines were held back since the last one that was admitted; nothing if this one is to be held
  /// back too.
  std::optional<std::uint64_t> admit(std::string_view message, std::string_view peer, Instant now);

  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Instant written;
    std::uint64_t held_back = 0;
  };
  void forget_old(Instant now);

  std::map<std::string, Entry, std::less<>> entries_;
  std::optional<Instant> swept_;
  std::uint64_t forgotten_ = 0;  // held back under entries that have gone
};

}  // namespace dunlin::log
