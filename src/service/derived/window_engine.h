#pragma once
// Rows for windows over one channel of each device: analytics::KeyedWindows with what the formula takes of
// them.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "service/analytics/windows.h"
#include "service/derived/definition.h"
#include "service/derived/due.h"

namespace dunlin::derived {

/// One thread.
class WindowEngine {
 public:
  /// The definition has windows, and must outlive it.
  explicit WindowEngine(const Definition& definition);

  std::vector<Due> add(const std::string& device, analytics::Event event, Trace trace, WallTime now);
  std::vector<Due> look(WallTime now) { return rows_of(windows_.look(now)); }
  std::vector<Due> close() { return rows_of(windows_.close()); }

  Counts counts() const;
  std::size_t devices() const { return windows_.keys(); }
  std::vector<std::string> take_changed() { return windows_.take_changed(); }
  std::string save(std::string_view device) const { return windows_.save(device); }
  Result<void> restore(std::string_view device, std::string_view bytes) {
    return windows_.restore(device, bytes);
  }

 private:
  std::vector<Due> rows_of(std::vector<analytics::WindowResult> results);

  const Definition& definition_;
  analytics::KeyedWindows windows_;
  std::map<std::string, Trace, std::less<>> traces_;  // since the last window of a device; not saved
};

}  // namespace dunlin::derived
