#pragma once
// What BlobStore is made of; internal to the room.

#include <deque>
#include <map>
#include <utility>

#include "store/blob/blob_files.h"
#include "store/blob/blob_store.h"
#include "store/blob/limits.h"

namespace dunlin::store {

/// Changes that wait for one another, so that each finds the rows as the one before has left them.
class BlobChanges {
 public:
  /// `finished` is called once, when the change is durable or has failed.
  using Change = std::move_only_function<void(Task finished)>;
  void add(Change change) {
    waiting_.push_back(std::move(change));
    if (state_ == State::idle) next();
  }

 private:
  void next() {
    state_ = waiting_.empty() ? State::idle : State::busy;
    if (waiting_.empty()) return;
    Change change = std::move(waiting_.front());
    waiting_.pop_front();
    change([this] { next(); });
  }
  std::deque<Change> waiting_;
  enum class State : std::uint8_t { idle, busy } state_ = State::idle;
};

/// What was found of some keys: the rows that are there.
using BlobRows = std::map<std::string, std::string>;

struct BlobStore::Impl {
  Impl(BlobEnvironment parts, BlobOptions wanted);

  /// Runs `then` unless the store has gone meanwhile.
  template <class Then>
  auto guarded(Then then) {
    return [alive = std::weak_ptr(alive), then = std::move(then)](auto&&... answer) mutable {
      if (!alive.expired()) then(std::forward<decltype(answer)>(answer)...);
    };
  }
  /// Runs `work` on a worker and `then` with what it answered on the executor.
  template <class Work, class Then>
  void on_worker(Work work, Then then) {
    environment.workers.run([&executor = environment.executor, work = std::move(work),
                             then = guarded(std::move(then))]() mutable {
      auto answer = work();
      executor.post(
          [then = std::move(then), answer = std::move(answer)]() mutable { then(std::move(answer)); });
    });
  }
  /// The rows of these keys, each of them or none.
  void fetch(std::vector<std::string> keys, BlobDone<BlobRows> done);
  /// Some of the rows from `begin` on; none: there are no more before `end`.
  void range(std::string begin, std::string end, std::size_t most, BlobDone<std::vector<Entry>> done);
  /// All of them.
  void all_rows(std::string begin, std::string end, BlobDone<std::vector<Entry>> done);

  // blob_store.cc
  void load_usages(BlobDone<void> started);
  /// Removes files of the next first bytes of hashes that no row knows.
  void sweep(unsigned first);
  void sweep_one(std::uint8_t first, Task finished);
  void sweep_later();

  // blob_commit.cc
  struct Commit;
  void commit(std::shared_ptr<Commit> work);
  void commit_file(std::shared_ptr<Commit> work);
  void commit_rows(std::shared_ptr<Commit> work);
  /// The upload leaves nothing behind.
  void give_up(const std::shared_ptr<Commit>& work, const Error& why);

  // blob_removal.cc
  struct Removal;
  void remove(std::shared_ptr<Removal> work);
  void remove_rows(std::shared_ptr<Removal> work);
  void remove_files(std::shared_ptr<Removal> work);

  /// Whether so many bytes more fit into the tenant's quota, beside what is coming in. Errors:
  /// quota_exceeded.
  Result<void> check_quota(std::uint32_t tenant, std::uint64_t bytes) const;
  void set_usage(std::uint32_t tenant, BlobUsage usage);
  void set_contents(BlobUsage usage);

  const BlobEnvironment environment;
  const BlobOptions options;
  const std::shared_ptr<BlobFiles> files;  // shared with the workers' tasks
  BlobChanges changes;
  std::map<std::uint32_t, BlobUsage> usages;      // by tenant
  std::map<std::uint32_t, std::uint64_t> coming;  // bytes, by tenant
  BlobUsage contents;
  std::size_t uploads = 0;
  std::uint64_t next_upload = 1;
  TimerId sweep_timer;
  struct {
    metrics::Cell& stored;
    metrics::Cell& removed;
    metrics::Cell& expired;
    metrics::Cell& bytes_in;
    metrics::Cell& bytes_out;
    metrics::Cell& swept;
    metrics::Cell& failures;
    metrics::Cell& blobs;
    metrics::Cell& bytes;
    metrics::Cell& uploads;
  } cells;
  // Completions hold it weakly to learn whether the store still lives, hence shared.
  std::shared_ptr<int> alive = std::make_shared<int>(0);
};

/// One upload whose bytes have all come, on its way into the rows. Shared by its completions; one at a time.
struct BlobStore::Impl::Commit {
  BlobRecord record;
  std::shared_ptr<IncomingFile> file;  // shared with the worker's steps
  BlobDone<BlobRecord> done;
  Task finished;
  std::optional<BlobRecord> before;  // of the same holder
  BlobContent content;
};

/// Holdings on their way out. Shared by its completions; one at a time.
struct BlobStore::Impl::Removal {
  std::vector<BlobKey> keys;
  std::optional<std::int64_t> expired_at;  // Unix ms: only what has expired by then; none: whatever it is
  BlobDone<std::size_t> done;
  Task finished;
  std::vector<BlobRecord> records;  // of the keys, those that are there
  std::map<BlobHash, BlobContent> contents;
};

std::unique_ptr<BlobUpload> make_upload(BlobStore::Impl& store, BlobWish wish,
                                        std::unique_ptr<IncomingFile> file);

}  // namespace dunlin::store
