#pragma once
// Reads the channels of one device at once and joins them by time. Internal to the room.

#include <deque>
#include <memory>

#include "service/query/scan.h"

namespace dunlin::query {

/// The end of all time where there is no later one.
inline std::int64_t saturated_sum(std::int64_t time, std::int64_t span) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(time, span, &sum) ? std::numeric_limits<std::int64_t>::max() : sum;
}

/// How much a scan reads at once. Shared by a source and its reads; one thread.
struct ReadPace {
  bool is_reading = false;
  std::size_t left = 0;  // of the units of a read, the last ones, which it did not come to
  std::size_t series = 0;
  std::size_t points = 0;  // of these series

  std::size_t series_at_once() const;
};

/// Owned by its source and by its own reads. One thread.
class UnitReader : public std::enable_shared_from_this<UnitReader> {
 public:
  UnitReader(std::shared_ptr<const ScanPlan> plan, const ScanEnvironment& environment, Unit unit);

  /// Begins to read, or goes on, as far ahead as it may.
  void read();
  /// Begins to read several, which have not begun, in one go.
  static void read_together(const std::vector<std::shared_ptr<UnitReader>>& readers,
                            const std::shared_ptr<ReadPace>& pace);
  /// Nobody asks any more.
  void stop() { is_stopped_ = true; }

  /// Rows that are complete; nullopt where there are none at the moment.
  std::optional<Batch> take();
  bool is_done() const;
  std::size_t channels() const { return channels_.size(); }
  /// Of a reader that has not begun and goes.
  Unit take_unit() { return std::move(unit_); }
  const std::optional<Error>& error() const { return error_; }

 private:
  struct Channel {
    UnitSeries series;
    std::int64_t next = 0;  // from where to read on
    std::int64_t span = 0;  // how much time held enough points; 0: not known
    bool is_reading = false;
    bool has_stopped = false;  // itself, because it is far enough ahead
    bool is_complete = false;
    std::vector<std::int64_t> times;
    Column values;
    Column texts;  // of `samples`, where asked for, as are these:
    std::vector<std::uint8_t> qualities;
    std::vector<std::uint8_t> flags;
    std::size_t taken = 0;
    std::uint64_t added = 0;  // points, ever
    std::size_t ahead() const { return times.size() - taken; }
  };
  /// A chunk, or a part of time, that is taken as a whole, of a unit with one channel.
  struct Whole {
    std::uint64_t after = 0;  // so many points
    store::ChunkSummary chunk;
  };

  struct Together;
  void read_channel(std::size_t index);
  std::int64_t end_of_read(const Channel& channel) const;
  static void stop_behind(Channel& channel, std::int64_t last);
  series::ScanGo add_block(Channel& channel, const series::Block& block);
  void add_points(Channel& channel, const series::Block& block);
  void add_values(Column& to, std::size_t before, const series::Block& block);
  bool wants(TableColumn::Kind kind) const;
  bool add_whole(const store::ChunkSummary& chunk);
  series::ScanGo add_part(Channel& channel, const store::ChunkSummary& part);
  void channel_read(std::size_t index, std::int64_t to, Result<void> result);
  std::optional<Batch> take_wholes();
  std::optional<Batch> take_one(Channel& channel, std::size_t most);
  bool is_over() const;
  std::optional<Batch> take_joined();
  std::optional<std::int64_t> horizon() const;
  static Column values_at(Channel& channel, const std::vector<std::int64_t>& times);
  Batch joined(std::vector<std::int64_t> times);
  Batch batch_of(std::vector<std::int64_t> times, std::vector<Column> values, const Channel* marked,
                 std::size_t begin);
  ColumnPtr sample_column(TableColumn::Kind kind, const Channel& channel, std::size_t begin, std::size_t end);
  static void forget_taken(Channel& channel);

  std::shared_ptr<const ScanPlan> plan_;
  ScanEnvironment environment_;
  Unit unit_;
  std::vector<Channel> channels_;
  std::deque<Whole> wholes_;
  bool wants_texts_ = false;
  bool wants_marks_ = false;
  std::optional<Error> error_;
  bool is_stopped_ = false;
};

}  // namespace dunlin::query
