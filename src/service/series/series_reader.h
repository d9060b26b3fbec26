#pragma once
// The points of one series in a range: what is open, and the chunks that are handed in, as one.

#include <string>
#include <string_view>
#include <vector>

#include "service/series/dictionary.h"
#include "service/series/point.h"
#include "store/keyed.h"

namespace dunlin::series {

/// Bytes of chunks that are read at once of a series that is read alone.
inline constexpr std::size_t kBytesPerPage = 1024 * 1024;

/// One thread.
class SeriesReader {
 public:
  /// Copies what is open of the series.
  SeriesReader(const SeriesEntry& series, const ScanSet& set);

  /// Whether chunks must be read, and which; their entries go to take(), in order.
  bool has_chunks() const { return has_chunks_; }
  store::Range chunks() const;
  /// Behind the last entry that was taken; empty: none was.
  std::string next_key() const { return last_key_.empty() ? std::string() : last_key_ + '\0'; }

  /// Tells of the series, once.
  void begin(ScanVisitor& visitor);
  /// `told` counts the points. Errors: corrupt; limit_exceeded.
  Result<ScanGo> take(const std::vector<store::Entry>& entries, ScanVisitor& visitor, std::size_t& told);
  /// Likewise one entry, which is told at once or copied.
  Result<ScanGo> take(std::string_view key, std::string_view value, ScanVisitor& visitor, std::size_t& told);
  /// There are no more.
  Result<ScanGo> finish(ScanVisitor& visitor, std::size_t& told);

 private:
  struct Open {
    WallTime start;  // of the window
    std::vector<store::ChunkPoints> columns;
  };
  /// Where the points go, during a call.
  struct To {
    ScanVisitor& visitor;
    std::size_t& told;
  };
  bool is_open(WallTime window) const { return !open_.empty() && open_.back().start == window; }
  Result<ScanGo> end_window(To to);
  Result<ScanGo> end_windows_before(WallTime start, To to);
  Result<ScanGo> tell_merged(const std::vector<store::Entry>& chunks, Open open, To to) const;
  Result<ScanGo> tell_chunk(std::string_view key, std::string_view value, To to) const;
  Result<ScanGo> tell(const store::ChunkPoints& points, To to) const;

  TenantId tenant_;
  SeriesId series_;
  WallTime from_;
  WallTime to_;
  std::size_t max_points_;
  bool has_chunks_;
  enum class Begun : std::uint8_t { no, yes } begun_ = Begun::no;
  std::vector<Open> open_;             // descending by start: the next one is the last
  WallTime window_ = WallTime::min();  // that the following are of
  std::vector<store::Entry> chunks_;   // of it, where there is something open as well
  std::string last_key_;
};

}  // namespace dunlin::series
