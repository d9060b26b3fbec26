#pragma once
// For tests of services: stores in memory that survive the "restart" of a service, and whose calls can be
// made to fail or to wait.

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/virtual_executor.h"
#include "store/keyed.h"
#include "store/repository.h"

namespace dunlin::store::testing {

/// Completions are posted; calls take effect in their order. One thread.
class FakeKeyed final : public Keyed {
 public:
  using Rows = std::map<std::string, std::string>;

  void get(Executor& reply_to, Table table, std::string key,
           std::move_only_function<void(Result<std::optional<std::string>>)> done) override {
    Result<std::optional<std::string>> answer = std::optional<std::string>();
    if (const auto found = rows(table).find(key); found != rows(table).end()) answer = found->second;
    if (failures_due(fail_reads)) answer = fail(Errc::io, "ordered failure");
    reply_to.post(
        [done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
  }

  void write(Executor& reply_to, Batch batch, std::move_only_function<void(Result<void>)> done) override {
    if (hold_writes) {
      held_.push_back({&reply_to, std::move(batch), std::move(done)});
      return;
    }
    Result<void> result =
        failures_due(fail_writes) ? Result<void>(fail(Errc::no_space, "ordered failure")) : apply(batch);
    reply_to.post(
        [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
  }

  void range(Executor& reply_to, Table table, Range range,
             std::move_only_function<void(Result<std::vector<Entry>>)> done) override {
    Result<std::vector<Entry>> answer = find(table, range);
    if (failures_due(fail_reads)) answer = fail(Errc::io, "ordered failure");
    reply_to.post(
        [done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
  }

  Result<std::unique_ptr<EntryIterator>> iterator(Table table) override {
    if (failures_due(fail_reads)) return fail(Errc::io, "ordered failure");
    return std::make_unique<RowIterator>(rows(table));
  }

  /// Lets writes happen that hold_writes stopped.
  void release_writes() {
    hold_writes = false;
    for (Held& held : std::exchange(held_, {}))
      write(*held.reply_to, std::move(held.batch), std::move(held.done));
  }
  /// The process dies with its writes under way.
  void drop_held_writes() {
    hold_writes = false;
    held_.clear();
  }

  Rows& rows(Table table) { return tables_[static_cast<std::size_t>(table)]; }

  int fail_writes = 0;  // this many fail with no_space
  int fail_reads = 0;   // this many fail with io
  bool hold_writes = false;
  std::size_t writes = 0;

 private:
  struct Held {
    Executor* reply_to;
    Batch batch;
    std::move_only_function<void(Result<void>)> done;
  };

  /// Over a copy.
  class RowIterator final : public EntryIterator {
   public:
    explicit RowIterator(Rows rows) : rows_(std::move(rows)), at_(rows_.end()) {}
    Result<std::optional<EntryView>> seek(std::string_view key) override {
      at_ = rows_.lower_bound(std::string(key));
      return entry();
    }
    Result<std::optional<EntryView>> next() override {
      ++at_;
      return entry();
    }

   private:
    std::optional<EntryView> entry() const {
      if (at_ == rows_.end()) return std::nullopt;
      return EntryView{at_->first, at_->second};
    }
    const Rows rows_;
    Rows::const_iterator at_;
  };

  static bool failures_due(int& left) {
    if (left == 0) return false;
    --left;
    return true;
  }

  Result<void> apply(const Batch& batch) {
    for (const Expectation& expected : batch.expectations) {
      const auto found = rows(expected.table).find(expected.key);
      const auto present = found == rows(expected.table).end() ? std::nullopt : std::optional(found->second);
      if (present != expected.value) return fail(Errc::conflict, "another value");
    }
    for (const Delete& gone : batch.deletes) rows(gone.table).erase(gone.key);
    for (const Put& put : batch.puts) rows(put.table)[put.key] = put.value;
    ++writes;
    return {};
  }

  std::vector<Entry> find(Table table, const Range& range) {
    Rows& all = rows(table);
    auto begin = all.lower_bound(range.begin);
    auto end = range.end.empty() ? all.end() : all.lower_bound(range.end);
    std::vector<Entry> found;
    if (!range.end.empty() && range.begin >= range.end) return found;
    const std::size_t most = std::min(range.max_entries, kPage);
    if (range.order == Range::Order::ascending) {
      for (; begin != end && found.size() < most; ++begin) found.push_back({begin->first, begin->second});
    } else {
      for (; begin != end && found.size() < most;) found.push_back({(--end)->first, end->second});
    }
    return found;
  }

  static constexpr std::size_t kPage = 50;  // small, so that callers must page
  std::array<Rows, kTableCount> tables_;
  std::vector<Held> held_;
};

/// Completions are posted. One thread.
class FakeRepository final : public Repository {
 public:
  void get(Executor& reply_to, DocumentKind kind, std::uint32_t tenant, std::string id,
           std::move_only_function<void(Result<std::optional<Document>>)> done) override {
    std::optional<Document> answer;
    if (const auto found = documents_.find({kind, tenant, id}); found != documents_.end())
      answer = found->second;
    reply_to.post(
        [done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
  }

  void find(Executor& reply_to, Query query,
            std::move_only_function<void(Result<std::vector<Document>>)> done) override {
    std::vector<Document> found;
    for (const auto& [key, document] : documents_) {
      if (key.kind != query.kind || key.tenant != query.tenant || !key.id.starts_with(query.id_prefix))
        continue;
      if (!query.after_id.empty() && key.id <= query.after_id) continue;
      const bool fits = std::ranges::all_of(query.equals, [&](const auto& field) {
        return std::ranges::find(document.index, field) != document.index.end();
      });
      if (fits && found.size() < query.limit) found.push_back(document);
    }
    reply_to.post([done = std::move(done), found = std::move(found)]() mutable { done(std::move(found)); });
  }

  void write(Executor& reply_to, std::vector<Change> changes,
             std::move_only_function<void(Result<std::vector<std::uint64_t>>)> done) override {
    auto result = apply(changes);
    reply_to.post(
        [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
  }

  int fail_writes = 0;  // this many fail with no_space

 private:
  struct Key {
    DocumentKind kind;
    std::uint32_t tenant;
    std::string id;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  Result<std::vector<std::uint64_t>> apply(std::vector<Change>& changes) {
    if (fail_writes > 0) {
      --fail_writes;
      return fail(Errc::no_space, "ordered failure");
    }
    for (const Change& change : changes) {
      const auto found = documents_.find({change.kind, change.tenant, change.document.id});
      const std::uint64_t version = found == documents_.end() ? 0 : found->second.version;
      if (change.expected_version && *change.expected_version != version)
        return fail(Errc::conflict, "another version");
    }
    std::vector<std::uint64_t> versions;
    for (Change& change : changes) {
      const Key key{change.kind, change.tenant, change.document.id};
      if (change.action == Change::Action::remove) {
        documents_.erase(key);
        versions.push_back(0);
        continue;
      }
      Document& stored = documents_[key];
      change.document.version = stored.version + 1;
      stored = std::move(change.document);
      versions.push_back(stored.version);
    }
    return versions;
  }

  std::map<Key, Document> documents_;
};

}  // namespace dunlin::store::testing
