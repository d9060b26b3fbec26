#include "store/reference_keyed.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/log.h"
#include "store/change_file.h"
#include "store/encoding.h"
#include "store/keyed_rules.h"
#include "store/strand.h"

namespace dunlin::store {
namespace {

using Map = std::map<std::string, std::string>;

std::vector<std::uint8_t> encode(const Batch& batch) {
  std::vector<std::uint8_t> bytes;
  append_number(bytes, batch.epoch);
  append_number(bytes, static_cast<std::uint32_t>(batch.deletes.size()));
  for (const Delete& removal : batch.deletes) {
    append_number(bytes, static_cast<std::uint8_t>(removal.table));
    append_text(bytes, removal.key);
  }
  append_number(bytes, static_cast<std::uint32_t>(batch.puts.size()));
  for (const Put& put : batch.puts) {
    append_number(bytes, static_cast<std::uint8_t>(put.table));
    append_text(bytes, put.key);
    append_text(bytes, put.value);
  }
  return bytes;
}

Result<Batch> decode(ByteView bytes) {
  Decoder decoder(bytes);
  Batch batch;
  batch.epoch = decoder.number<std::uint64_t>();
  for (auto left = decoder.number<std::uint32_t>(); left > 0 && decoder.ok(); --left) {
    const auto table = static_cast<Table>(decoder.number<std::uint8_t>());
    batch.deletes.push_back({table, decoder.text()});
  }
  for (auto left = decoder.number<std::uint32_t>(); left > 0 && decoder.ok(); --left) {
    const auto table = static_cast<Table>(decoder.number<std::uint8_t>());
    std::string key = decoder.text();
    batch.puts.push_back({table, std::move(key), decoder.text()});
  }
  if (!decoder.ok() || decoder.left() != 0 || !check_batch(batch))
    return fail(Errc::corrupt, "a stored batch is damaged");
  return batch;
}

/// What the strand's tasks share; used by one of them at a time.
struct State {
  std::array<Map, kTableCount> tables;
  std::uint64_t epoch = 0;
  std::uint64_t live_bytes = 0;
  std::unique_ptr<ChangeFile> file;

  Map& table(Table which) { return tables.at(static_cast<std::size_t>(which)); }

  void erase(Table which, const std::string& key) {
    const auto found = table(which).find(key);
    if (found == table(which).end()) return;
    live_bytes -= key.size() + found->second.size();
    table(which).erase(found);
  }

  void apply(const Batch& batch) {
    epoch = std::max(epoch, batch.epoch);
    for (const Delete& removal : batch.deletes) erase(removal.table, removal.key);
    for (const Put& put : batch.puts) {
      erase(put.table, put.key);
      live_bytes += put.key.size() + put.value.size();
      table(put.table).emplace(put.key, put.value);
    }
  }

  Result<void> check_expectations(const Batch& batch) {
    if (batch.epoch < epoch)
      return fail(Errc::conflict, "the epoch " + std::to_string(batch.epoch) + " has passed");
    for (const Expectation& expectation : batch.expectations) {
      const Map& map = table(expectation.table);
      const auto found = map.find(expectation.key);
      const bool holds = found == map.end() ? !expectation.value : expectation.value == found->second;
      if (!holds) return fail(Errc::conflict, "a key holds another value than the one expected");
    }
    return {};
  }

  Result<void> write(const Batch& batch) {
    DUNLIN_CHECK(check_batch(batch));
    DUNLIN_CHECK(check_expectations(batch));
    if (batch.empty() && batch.epoch == epoch) return {};
    DUNLIN_CHECK(file->append(encode(batch)));
    apply(batch);
    if (!file->wants_compaction(live_bytes)) return {};
    if (const auto compacted = file->compact(snapshot()); !compacted) {
      // The batch itself is on the disk; the next one tries again or tells the error.
      log::warning("store", "reference store not compacted", {{"error", compacted.error().message}});
    }
    return {};
  }

  std::vector<std::vector<std::uint8_t>> snapshot() const {
    std::vector<std::vector<std::uint8_t>> changes;
    for (std::size_t i = 0; i < kTableCount; ++i) {
      for (const auto& [key, value] : tables.at(i)) {
        Batch batch{
            .puts = {{static_cast<Table>(i), key, value}}, .deletes = {}, .expectations = {}, .epoch = epoch};
        changes.push_back(encode(batch));
      }
    }
    if (changes.empty())
      changes.push_back(encode({.puts = {}, .deletes = {}, .expectations = {}, .epoch = epoch}));
    return changes;
  }

  std::vector<Entry> range(Table which, const Range& range) {
    EntryCollector collector(range);
    const Map& map = table(which);
    const auto begin = map.lower_bound(range.begin);
    const auto end = range.end.empty() ? map.end() : map.lower_bound(range.end);
    if (!range.end.empty() && range.end <= range.begin) return {};
    if (range.order == Range::Order::ascending) {
      for (auto at = begin; at != end && !collector.full(); ++at) collector.add(at->first, at->second);
    } else {
      for (auto at = end; at != begin && !collector.full();) {
        --at;
        collector.add(at->first, at->second);
      }
    }
    return collector.take();
  }
};

class ReferenceKeyed final : public Keyed {
 public:
  ReferenceKeyed(WorkerPool& workers, std::shared_ptr<State> state)
      : state_(std::move(state)), strand_(workers) {}

  void get(Executor& reply_to, Table table, std::string key,
           std::move_only_function<void(Result<std::optional<std::string>>)> done) override {
    strand_.run([state = state_, &reply_to, table, key = std::move(key), done = std::move(done)]() mutable {
      Result<std::optional<std::string>> answer = std::optional<std::string>{};
      if (auto checked = check_table(table); !checked) {
        answer = std::unexpected(checked.error());
      } else if (const auto found = state->table(table).find(key); found != state->table(table).end()) {
        answer = found->second;
      }
      reply_to.post(
          [answer = std::move(answer), done = std::move(done)]() mutable { done(std::move(answer)); });
    });
  }

  void write(Executor& reply_to, Batch batch, std::move_only_function<void(Result<void>)> done) override {
    strand_.run([state = state_, &reply_to, batch = std::move(batch), done = std::move(done)]() mutable {
      auto answer = state->write(batch);
      reply_to.post(
          [answer = std::move(answer), done = std::move(done)]() mutable { done(std::move(answer)); });
    });
  }

  void range(Executor& reply_to, Table table, Range range,
             std::move_only_function<void(Result<std::vector<Entry>>)> done) override {
    strand_.run(
        [state = state_, &reply_to, table, range = std::move(range), done = std::move(done)]() mutable {
          Result<std::vector<Entry>> answer;
          if (auto checked = check_table(table); !checked) {
            answer = std::unexpected(checked.error());
          } else {
            answer = state->range(table, range);
          }
          reply_to.post(
              [answer = std::move(answer), done = std::move(done)]() mutable { done(std::move(answer)); });
        });
  }

 private:
  // Shared with tasks that are under way when the store goes.
  std::shared_ptr<State> state_;
  Strand strand_;
};

}  // namespace

Result<std::unique_ptr<Keyed>> open_reference_keyed(Fs& fs, WorkerPool& workers, const std::string& folder) {
  auto state = std::make_shared<State>();
  const auto replay = [&](ByteView change) -> Result<void> {
    DUNLIN_TRY(const Batch batch, decode(change));
    state->apply(batch);
    return {};
  };
  DUNLIN_TRY(state->file, ChangeFile::open(fs, folder, replay));
  return std::make_unique<ReferenceKeyed>(workers, std::move(state));
}

}  // namespace dunlin::store
