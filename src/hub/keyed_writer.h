#pragma once
// Writes rows of the keyed store so that the latest value of each key wins, with one write of a key under way
// at a time.

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/executor.h"
#include "store/keyed.h"

namespace dunlin::hub {

/// Values given while a write is under way are merged: a burst of changes costs two writes. One thread (the
/// executor's).
class KeyedWriter {
 public:
  /// `keyed` may be null: then nothing is stored and every completion runs at once. `keyed` outlives this
  /// object, which outlives the executor's last task.
  KeyedWriter(Executor& executor, store::Keyed* keyed, store::Table table)
      : executor_(executor), keyed_(keyed), table_(table) {}

  using Done = std::move_only_function<void(Result<void>)>;
  /// nullopt deletes. `done` may be empty; it runs when this value, or a later one of the key, is durable.
  void put(std::string key, std::optional<std::string> value, Done done = {});
  /// Runs `done` when nothing is left to write, or with the error of the next write that fails.
  void flush(Done done);
  bool durable() const { return keyed_ != nullptr; }

 private:
  struct Row {
    std::optional<std::string> value;
    std::vector<Done> waiting;
  };
  void write_next();
  void written(const Result<void>& result);

  static constexpr std::size_t kMaxBatch = 512;
  Executor& executor_;
  store::Keyed* keyed_;
  store::Table table_;
  std::unordered_map<std::string, Row> dirty_;
  std::vector<Done> in_flight_;
  std::vector<Done> flush_waiting_;
  bool writing_ = false;
};

}  // namespace dunlin::hub
