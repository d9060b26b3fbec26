#pragma once
// Writes rows of the keyed store in the order in which they were given, the latest value of each key only.

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "store/keyed.h"

namespace dunlin::hub {

/// Values given while a write is under way are merged: a burst of changes costs two writes. Rows of messages
/// that nobody waits for are collected for kUnhurriedWrite: the disk that syncs them is the journal's, too. A
/// row is durable no later than any that is given after it; a new value of a row that still waits makes it
/// the last. What the store refuses is tried again every second until it is taken. One thread (the
/// executor's).
class KeyedWriter {
 public:
  /// `keyed` may be null: then nothing is stored and every completion runs at once. `keyed` outlives this
  /// object, which outlives the executor's last task.
  KeyedWriter(Executor& executor, store::Keyed* keyed) : executor_(executor), keyed_(keyed) {}

  /// `collect` runs before each write and may put() what was not worth making earlier.
  void set_collect(Task collect) { collect_ = std::move(collect); }
  /// There is something to collect.
  void write_soon();

  using Done = std::move_only_function<void(Result<void>)>;
  /// nullopt deletes. `done` may be empty; it runs when this value, or a later one of the key, is durable, or
  /// with the error of the first write that failed.
  void put(store::Table table, std::string key, std::optional<std::string> value, Done done = {});
  /// Runs `done` when all that was given so far is durable, or with the error of the next write that fails.
  void flush(Done done);
  bool durable() const { return keyed_ != nullptr; }
  /// Of the values that are not written yet.
  std::size_t bytes() const { return bytes_; }

 private:
  using Name = std::pair<store::Table, std::string>;
  struct Row {
    Name name;
    std::optional<std::string> value;
    std::vector<Done> waiting;
    std::uint64_t since = 0;  // the number of the first value that this one stands for
  };
  struct Flush {
    std::uint64_t last = 0;  // the number of the last value before it
    Done done;
  };
  using Rows = std::list<Row>;
  void write_later();
  void write_next();
  void written(const Result<void>& result);
  void put_back();
  std::vector<Done> ended_flushes(const Result<void>& result);

  static constexpr std::size_t kMaxBatchRows = 512;
  static constexpr std::size_t kUnhurriedBytes = 1024 * 1024;
  static constexpr std::size_t kMaxBatchBytes = 4 * 1024 * 1024;
  Executor& executor_;
  store::Keyed* keyed_;
  Task collect_;
  Rows rows_;  // the first is written next
  std::map<Name, Rows::iterator> names_;
  Rows in_flight_;
  std::vector<Flush> flushes_;
  std::uint64_t given_ = 0;  // values so far
  bool writing_ = false;
  bool hurries_ = false;  // somebody waits for a row that is not being written
  TimerId later_;
  std::size_t bytes_ = 0;
};

}  // namespace dunlin::hub
