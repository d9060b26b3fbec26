#pragma once
// Reads the channels of one device at once and joins them by time. Internal to the room.

#include <deque>
#include <memory>

#include "service/query/scan.h"

namespace dunlin::query {

/// A channel of a device, or none where the device has not got it.
struct UnitSeries {
  series::SeriesId id{};
  Type type = Type::number;
  series::Point last;
};

/// What is read together: a device of a wide table, a series of `samples`.
struct Unit {
  std::uint64_t origin = 0;
  std::vector<UnitSeries> series;
  std::vector<ColumnPtr> fixed;  // by column of the plan; null for those that change
};

/// Owned by its source and by its own reads. One thread.
class UnitReader : public std::enable_shared_from_this<UnitReader> {
 public:
  UnitReader(std::shared_ptr<const ScanPlan> plan, const ScanEnvironment& environment, Unit unit);

  /// Begins to read, or goes on, as far ahead as it may.
  void read();
  /// Begins to read several of one channel each, which have not begun, in one go.
  static void read_together(const std::vector<std::shared_ptr<UnitReader>>& readers);
  /// Nobody asks any more.
  void stop() { is_stopped_ = true; }

  /// Rows that are complete; nullopt where there are none at the moment.
  std::optional<Batch> take();
  bool is_done() const;
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
    std::size_t ahead() const { return times.size() - taken; }
  };

  struct Together;
  void read_channel(std::size_t index);
  std::int64_t end_of_read(const Channel& channel) const;
  static void stop_behind(Channel& channel);
  series::ScanGo add_block(Channel& channel, const series::Block& block);
  void add_values(Column& to, std::size_t before, const series::Block& block);
  bool wants(TableColumn::Kind kind) const;
  bool add_whole(const store::ChunkSummary& chunk);
  void channel_read(std::size_t index, std::int64_t to, Result<void> result);
  std::optional<Batch> take_wholes();
  std::optional<Batch> take_one(Channel& channel);
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
  std::vector<store::ChunkSummary> wholes_;
  bool wants_texts_ = false;
  bool wants_marks_ = false;
  std::optional<Error> error_;
  bool is_stopped_ = false;
};

}  // namespace dunlin::query
