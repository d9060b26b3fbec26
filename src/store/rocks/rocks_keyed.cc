#include "store/rocks/rocks_keyed.h"

#include <rocksdb/iterator.h>
#include <rocksdb/utilities/write_batch_with_index.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "base/log.h"
#include "store/encoding.h"
#include "store/keyed_rules.h"
#include "store/rocks/rocks_options.h"

namespace dunlin::store {
namespace {

// So many writes, or so many bytes, share one sync at most.
constexpr std::size_t kMaxGroupWrites = 4096;
constexpr std::size_t kMaxGroupBytes = 4UL * 1024 * 1024;
constexpr const char* kEpochKey = "epoch";  // in RocksDB's default column family

using Done = std::move_only_function<void(Result<void>)>;

struct Write {
  Executor* reply_to = nullptr;
  Batch batch;
  Done done;
  std::size_t bytes = 0;
  Result<void> result;
};

/// The database and the writes that wait for it. Shared by the store and the work it has under way: that may
/// outlive the store.
class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(RocksEnvironment environment, const RocksOptions& options, std::unique_ptr<RocksDatabase> database)
      : fs_(environment.fs),
        workers_(environment.workers),
        broken_(std::move(environment.broken)),
        options_(options),
        database_(std::move(database)),
        syncs_metric_(
            environment.metrics.counter("dunlin_store_rocks_syncs_total", "Groups of writes synced")),
        writes_metric_(environment.metrics.counter("dunlin_store_rocks_writes_total", "Writes answered")),
        errors_metric_(environment.metrics.counter("dunlin_store_rocks_errors_total", "Groups that failed")) {
  }

  Result<void> load_epoch();
  void enqueue(Write write);
  Result<std::optional<std::string>> get(Table table, const std::string& key) const;
  Result<std::vector<Entry>> range(Table table, const Range& range) const;
  Result<std::vector<RangePart>> ranges(Table table, const std::vector<Range>& ranges) const;
  /// What needs no disk; nullopt: it does. Never waits.
  std::optional<RangePart> cached_range(Table table, const Range& range) const;
  Result<std::unique_ptr<EntryIterator>> iterator(Table table) const;
  WorkerPool& workers() { return workers_; }

 private:
  Result<RangePart> read_part(rocksdb::Iterator& at, const Range& range) const;
  rocksdb::ColumnFamilyHandle* family(Table table) const {
    return database_->families.at(1 + static_cast<std::size_t>(table));
  }
  void drain();
  std::vector<Write> take_group();
  void commit(std::vector<Write>& group);
  Result<void> stage(rocksdb::WriteBatchWithIndex& staged, const Batch& batch);
  Result<void> check_expectations(rocksdb::WriteBatchWithIndex& staged, const Batch& batch);
  Result<void> write_durably(rocksdb::WriteBatchWithIndex& staged);
  void reopen_if_room();

  Fs& fs_;
  WorkerPool& workers_;
  const BrokenDisk broken_;
  const RocksOptions options_;
  // Held shared by whoever uses the database, alone by the one who opens it anew.
  mutable std::shared_mutex database_mutex_;
  std::unique_ptr<RocksDatabase> database_;  // null while it could not be opened anew

  std::mutex mutex_;  // guards the three below
  std::deque<Write> waiting_;
  std::size_t waiting_bytes_ = 0;
  enum class Drain { idle, scheduled } drain_ = Drain::idle;

  // Used by the one worker that drains.
  std::uint64_t epoch_ = 0;
  std::uint64_t staged_epoch_ = 0;
  bool disk_was_full_ = false;
  metrics::Cell& syncs_metric_;
  metrics::Cell& writes_metric_;
  metrics::Cell& errors_metric_;
};

Result<void> Core::load_epoch() {
  std::string text;
  const auto status =
      database_->db->Get(rocksdb::ReadOptions(), database_->families.front(), kEpochKey, &text);
  if (status.IsNotFound()) return {};
  if (!status.ok()) return std::unexpected(error_of(status));
  if (text.size() != sizeof epoch_) return fail(Errc::corrupt, "the stored epoch is damaged");
  epoch_ = load_number<std::uint64_t>(as_bytes(text).data());
  return {};
}

void Core::enqueue(Write write) {
  const std::lock_guard lock(mutex_);
  if (waiting_bytes_ > 0 && waiting_bytes_ + write.bytes > options_.max_pending_bytes) {
    write.reply_to->post([done = std::move(write.done)]() mutable {
      done(fail(Errc::unavailable, "the disk does not keep up with the writes"));
    });
    return;
  }
  waiting_bytes_ += write.bytes;
  waiting_.push_back(std::move(write));
  if (drain_ == Drain::scheduled) return;
  drain_ = Drain::scheduled;
  workers_.run([core = shared_from_this()] { core->drain(); });
}

std::vector<Write> Core::take_group() {
  std::vector<Write> group;
  std::size_t bytes = 0;
  const std::lock_guard lock(mutex_);
  while (!waiting_.empty() && group.size() < kMaxGroupWrites) {
    if (!group.empty() && bytes + waiting_.front().bytes > kMaxGroupBytes) break;
    bytes += waiting_.front().bytes;
    group.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  waiting_bytes_ -= bytes;
  if (group.empty()) drain_ = Drain::idle;
  return group;
}

/// One group; then the worker is offered to others.
void Core::drain() {
  std::vector<Write> group = take_group();
  if (group.empty()) return;
  commit(group);
  for (Write& write : group) {
    write.reply_to->post([done = std::move(write.done), result = std::move(write.result)]() mutable {
      done(std::move(result));
    });
  }
  workers_.run([core = shared_from_this()] { core->drain(); });
}

void Core::commit(std::vector<Write>& group) {
  if (disk_was_full_) reopen_if_room();
  const std::shared_lock lock(database_mutex_);
  if (!database_) {
    for (Write& write : group)
      write.result = fail(Errc::no_space, "the disk was full; the store is not open");
    return;
  }
  // Indexed, so that an expectation sees the earlier writes of its own group.
  rocksdb::WriteBatchWithIndex staged(rocksdb::BytewiseComparator(), 0, true);
  staged_epoch_ = epoch_;
  for (Write& write : group) write.result = stage(staged, write.batch);
  Result<void> result;
  if (staged.GetWriteBatch()->Count() > 0) result = write_durably(staged);
  writes_metric_.add(static_cast<std::int64_t>(group.size()));
  if (result) {
    epoch_ = staged_epoch_;
    return;
  }
  errors_metric_.add();
  log::error("store/rocks", "write failed", {{"error", result.error().message}});
  // Refusals too are answered with the error: what they were judged by is not on the disk.
  for (Write& write : group) write.result = result;
}

Result<void> Core::check_expectations(rocksdb::WriteBatchWithIndex& staged, const Batch& batch) {
  for (const Expectation& expectation : batch.expectations) {
    rocksdb::PinnableSlice value;
    const auto status = staged.GetFromBatchAndDB(database_->db.get(), rocksdb::ReadOptions(),
                                                 family(expectation.table), expectation.key, &value);
    if (!status.ok() && !status.IsNotFound()) return std::unexpected(error_of(status));
    const bool holds = status.IsNotFound() ? !expectation.value
                                           : expectation.value && value == rocksdb::Slice(*expectation.value);
    if (!holds) return fail(Errc::conflict, "a key holds another value than the one expected");
  }
  return {};
}

Result<void> Core::stage(rocksdb::WriteBatchWithIndex& staged, const Batch& batch) {
  DUNLIN_CHECK(check_batch(batch));
  if (batch.epoch < staged_epoch_)
    return fail(Errc::conflict, "the epoch " + std::to_string(batch.epoch) + " has passed");
  DUNLIN_CHECK(check_expectations(staged, batch));
  for (const Delete& removal : batch.deletes) staged.Delete(family(removal.table), removal.key);
  for (const Put& put : batch.puts) staged.Put(family(put.table), put.key, put.value);
  if (batch.epoch == staged_epoch_) return {};
  staged_epoch_ = batch.epoch;
  std::vector<std::uint8_t> bytes;
  append_number(bytes, staged_epoch_);
  const std::string_view epoch = as_text(bytes);
  staged.Put(database_->families.front(), kEpochKey, rocksdb::Slice(epoch.data(), epoch.size()));
  return {};
}

Result<void> Core::write_durably(rocksdb::WriteBatchWithIndex& staged) {
  rocksdb::WriteOptions options;
  options.sync = true;
  const auto status = database_->db->Write(options, staged.GetWriteBatch());
  if (status.ok()) {
    syncs_metric_.add();
    return {};
  }
  Error error = error_of(status);
  disk_was_full_ = disk_was_full_ || status.IsNoSpace();
  if (!disk_was_full_ && error.code == Errc::io && broken_) broken_(error);
  return std::unexpected(std::move(error));
}

/// RocksDB refuses every write after one that failed. What it acknowledged is in its log, so opening it anew
/// is safe; but it needs some room, and reads must not suffer from attempts that are bound to fail.
void Core::reopen_if_room() {
  constexpr std::uint64_t kRoomForReopening = 32UL * 1024 * 1024;
  if (fs_.free_space(options_.folder).value_or(0) < kRoomForReopening) return;
  const std::lock_guard lock(database_mutex_);
  database_.reset();
  auto opened = open_database(fs_, options_);
  if (!opened) {
    log::error("store/rocks", "not opened after a full disk", {{"error", opened.error().message}});
    return;
  }
  database_ = *std::move(opened);
  disk_was_full_ = false;
}

Result<std::optional<std::string>> Core::get(Table table, const std::string& key) const {
  DUNLIN_CHECK(check_table(table));
  const std::shared_lock lock(database_mutex_);
  if (!database_) return fail(Errc::unavailable, "the store is not open after a full disk");
  std::string value;
  const auto status = database_->db->Get(rocksdb::ReadOptions(), family(table), key, &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return std::unexpected(error_of(status));
  return value;
}

Result<std::vector<Entry>> Core::range(Table table, const Range& range) const {
  DUNLIN_CHECK(check_table(table));
  if (!range.end.empty() && range.end <= range.begin) return std::vector<Entry>{};
  const std::shared_lock lock(database_mutex_);
  if (!database_) return fail(Errc::unavailable, "the store is not open after a full disk");
  const rocksdb::Slice lower(range.begin);
  const rocksdb::Slice upper(range.end);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower;
  if (!range.end.empty()) options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> at(database_->db->NewIterator(options, family(table)));
  EntryCollector collector(range);
  const bool ascending = range.order == Range::Order::ascending;
  ascending ? at->SeekToFirst() : at->SeekToLast();
  while (at->Valid() && !collector.full()) {
    collector.add(at->key().ToStringView(), at->value().ToStringView());
    ascending ? at->Next() : at->Prev();
  }
  if (!at->status().ok()) return std::unexpected(error_of(at->status()));
  return collector.take();
}

Result<RangePart> Core::read_part(rocksdb::Iterator& at, const Range& range) const {
  const bool ascending = range.order == Range::Order::ascending;
  const auto inside = [&] {
    const std::string_view key = at.key().ToStringView();
    return ascending ? range.end.empty() || key < range.end : key >= range.begin;
  };
  if (ascending) {
    at.Seek(range.begin);
  } else if (range.end.empty()) {
    at.SeekToLast();
  } else {
    at.SeekForPrev(range.end);
    if (at.Valid() && at.key() == rocksdb::Slice(range.end)) at.Prev();
  }
  EntryCollector collector(range);
  while (at.Valid() && inside() && !collector.full()) {
    if (!collector.add(at.key().ToStringView(), at.value().ToStringView())) break;
    ascending ? at.Next() : at.Prev();
  }
  if (!at.status().ok()) return std::unexpected(error_of(at.status()));
  const bool reached = !at.Valid() || !inside();
  return RangePart{collector.take(), reached ? RangePart::End::reached : RangePart::End::cut};
}

/// One iterator for all: to make one costs more than to move it.
Result<std::vector<RangePart>> Core::ranges(Table table, const std::vector<Range>& ranges) const {
  DUNLIN_CHECK(check_table(table));
  const std::shared_lock lock(database_mutex_);
  if (!database_) return fail(Errc::unavailable, "the store is not open after a full disk");
  const std::unique_ptr<rocksdb::Iterator> at(
      database_->db->NewIterator(rocksdb::ReadOptions(), family(table)));
  std::vector<RangePart> parts;
  parts.reserve(ranges.size());
  for (const Range& range : ranges) {
    DUNLIN_TRY(RangePart part, read_part(*at, range));
    parts.push_back(std::move(part));
  }
  return parts;
}

std::optional<RangePart> Core::cached_range(Table table, const Range& range) const {
  if (!check_table(table)) return std::nullopt;
  const std::shared_lock lock(database_mutex_, std::try_to_lock);
  if (!lock || !database_) return std::nullopt;
  rocksdb::ReadOptions options;
  options.read_tier = rocksdb::kBlockCacheTier;
  const std::unique_ptr<rocksdb::Iterator> at(database_->db->NewIterator(options, family(table)));
  auto part = read_part(*at, range);
  if (!part) return std::nullopt;  // incomplete; or an error, which the disk shall say
  return *std::move(part);
}

/// Holds the database: what opens it anew waits.
class RocksIterator final : public EntryIterator {
 public:
  RocksIterator(std::shared_lock<std::shared_mutex> lock, std::unique_ptr<rocksdb::Iterator> at)
      : lock_(std::move(lock)), at_(std::move(at)) {}

  Result<std::optional<EntryView>> seek(std::string_view key) override {
    at_->Seek(rocksdb::Slice(key.data(), key.size()));
    return entry();
  }
  Result<std::optional<EntryView>> next() override {
    at_->Next();
    return entry();
  }

 private:
  Result<std::optional<EntryView>> entry() const {
    if (at_->Valid()) return EntryView{at_->key().ToStringView(), at_->value().ToStringView()};
    if (!at_->status().ok()) return std::unexpected(error_of(at_->status()));
    return std::nullopt;
  }

  std::shared_lock<std::shared_mutex> lock_;
  std::unique_ptr<rocksdb::Iterator> at_;
};

Result<std::unique_ptr<EntryIterator>> Core::iterator(Table table) const {
  DUNLIN_CHECK(check_table(table));
  std::shared_lock lock(database_mutex_);
  if (!database_) return fail(Errc::unavailable, "the store is not open after a full disk");
  std::unique_ptr<rocksdb::Iterator> at(database_->db->NewIterator(rocksdb::ReadOptions(), family(table)));
  return std::make_unique<RocksIterator>(std::move(lock), std::move(at));
}

class RocksKeyed final : public Keyed {
 public:
  explicit RocksKeyed(std::shared_ptr<Core> core) : core_(std::move(core)) {}

  void get(Executor& reply_to, Table table, std::string key,
           std::move_only_function<void(Result<std::optional<std::string>>)> done) override {
    core_->workers().run(
        [core = core_, &reply_to, table, key = std::move(key), done = std::move(done)]() mutable {
          reply_to.post([answer = core->get(table, key), done = std::move(done)]() mutable {
            done(std::move(answer));
          });
        });
  }

  void write(Executor& reply_to, Batch batch, Done done) override {
    const std::size_t bytes = size_of(batch);
    core_->enqueue({&reply_to, std::move(batch), std::move(done), bytes, {}});
  }

  void range(Executor& reply_to, Table table, Range range,
             std::move_only_function<void(Result<std::vector<Entry>>)> done) override {
    core_->workers().run(
        [core = core_, &reply_to, table, range = std::move(range), done = std::move(done)]() mutable {
          reply_to.post([answer = core->range(table, range), done = std::move(done)]() mutable {
            done(std::move(answer));
          });
        });
  }

  void ranges(Executor& reply_to, Table table, std::vector<Range> ranges,
              std::move_only_function<void(Result<std::vector<RangePart>>)> done) override {
    // To wake a worker, and then the caller, takes longer than to read a cached range.
    if (ranges.size() == 1) {
      if (auto part = core_->cached_range(table, ranges.front())) {
        std::vector<RangePart> parts;
        parts.push_back(*std::move(part));
        return reply_to.post(
            [parts = std::move(parts), done = std::move(done)]() mutable { done(std::move(parts)); });
      }
    }
    core_->workers().run(
        [core = core_, &reply_to, table, ranges = std::move(ranges), done = std::move(done)]() mutable {
          reply_to.post([answer = core->ranges(table, ranges), done = std::move(done)]() mutable {
            done(std::move(answer));
          });
        });
  }

  Result<std::unique_ptr<EntryIterator>> iterator(Table table) override { return core_->iterator(table); }

 private:
  // Shared with work that is under way when the store goes.
  std::shared_ptr<Core> core_;
};

}  // namespace

Result<std::unique_ptr<Keyed>> open_rocks_keyed(RocksEnvironment environment, const RocksOptions& options) {
  DUNLIN_TRY(auto database, open_database(environment.fs, options));
  const auto core = std::make_shared<Core>(environment, options, std::move(database));
  DUNLIN_CHECK(core->load_epoch());
  return std::make_unique<RocksKeyed>(core);
}

}  // namespace dunlin::store
