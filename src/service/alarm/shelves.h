#pragma once
// Which conditions are shelved, also while no alarm of them is open. Stored in the table meta.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "service/alarm/alarm.h"
#include "store/keyed.h"

namespace dunlin::alarm {

inline constexpr std::size_t kMaxShelves = 10'000;
inline constexpr std::string_view kShelfPrefix = "alarm/shelf/";

/// By condition_key(). One thread.
class Shelves {
 public:
  const Shelf* find(const std::string& condition) const;
  std::size_t size() const { return shelves_.size(); }
  void put(const std::string& condition, Shelf shelf);
  void erase(const std::string& condition);

  std::vector<std::string> due(WallTime now, std::size_t most) const;
  std::optional<WallTime> next_due() const;

  /// The row with the shelf that is here, or its removal.
  void save(store::Batch& batch, const std::string& condition) const;
  /// A row of the table meta below kShelfPrefix. Errors: corrupt.
  Result<void> load(const store::Entry& entry);

 private:
  std::map<std::string, Shelf> shelves_;
  std::set<std::pair<WallTime, std::string>> ends_;
};

}  // namespace dunlin::alarm
