#pragma once
// Ordered keys with values: retained messages, shadows, sealed series, session checkpoints.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "base/result.h"
#include "base/slice.h"

namespace dunlin::store {

/// A named part of the keyed store with its own key space (a column family in RocksDB).
enum class Table : std::uint8_t {
  retained,
  shadow,
  series,
  session,
  rule,
  alarm,
  presence,
  meta,
  queue,
  blob,
  rollup,
  alarm_log
};
inline constexpr std::size_t kTableCount = 12;

struct Put {
  Table table;
  std::string key;
  std::string value;
};
struct Delete {
  Table table;
  std::string key;
};
/// The batch is refused with Errc::conflict unless the key holds exactly this now (nullopt: is absent).
struct Expectation {
  Table table;
  std::string key;
  std::optional<std::string> value;
};

/// All or nothing, durable when the completion runs. A key in both `puts` and `deletes` ends up with the put;
/// of several puts the last counts.
struct Batch {
  std::vector<Put> puts{};
  std::vector<Delete> deletes{};
  std::vector<Expectation> expectations{};
  std::uint64_t epoch = 1;  // fencing: a lower epoch than the store has seen is refused with Errc::conflict
  bool empty() const { return puts.empty() && deletes.empty(); }
};

struct Entry {
  std::string key;
  std::string value;
};

/// Keys from `begin` (inclusive) to `end` (exclusive; empty: to the last key of the table).
struct Range {
  std::string begin{};
  std::string end{};
  std::size_t max_entries = 1000;
  std::size_t max_bytes = 4 * 1024 * 1024;
  enum class Order { ascending, descending } order = Order::ascending;
};

/// What was found of one of several ranges.
struct RangePart {
  std::vector<Entry> entries;
  /// cut: there may be more behind the last entry (or from the beginning, where there is none).
  enum class End : std::uint8_t { cut, reached } end = End::cut;
};

/// Valid until its iterator moves.
struct EntryView {
  std::string_view key;
  std::string_view value;
};

/// The entries of a table as they were when this was made, ascending. Of the thread that made it, for as long
/// as a call: the store must not go meanwhile, and what changes it as a whole waits. Errors: io, corrupt.
class EntryIterator {
 public:
  virtual ~EntryIterator() = default;
  /// The first one from `key` on; nullopt: there is none.
  virtual Result<std::optional<EntryView>> seek(std::string_view key) = 0;
  /// The one behind; after seek() or next() have found one.
  virtual Result<std::optional<EntryView>> next() = 0;
};

/// Completions run on the executor named in the call. Any thread may call. Errors: io, no_space, corrupt,
/// conflict.
class Keyed {
 public:
  virtual ~Keyed() = default;
  virtual void get(Executor& reply_to, Table table, std::string key,
                   std::move_only_function<void(Result<std::optional<std::string>>)> done) = 0;
  virtual void write(Executor& reply_to, Batch batch, std::move_only_function<void(Result<void>)> done) = 0;
  /// A consistent view of the range at the time of the call; the answer may be cut at max_entries or
  /// max_bytes: go on behind its last key.
  virtual void range(Executor& reply_to, Table table, Range range,
                     std::move_only_function<void(Result<std::vector<Entry>>)> done) = 0;
  /// Several ranges of a table in one go, each cut at its own limits; the parts are in their order.
  virtual void ranges(Executor& reply_to, Table table, std::vector<Range> ranges,
                      std::move_only_function<void(Result<std::vector<RangePart>>)> done);
  /// For a thread that may wait for the disk: reads without another one between. Null: this store cannot.
  /// Errors: unavailable.
  virtual Result<std::unique_ptr<EntryIterator>> iterator(Table) { return nullptr; }
};

}  // namespace dunlin::store
