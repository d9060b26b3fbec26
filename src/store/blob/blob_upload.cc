// One blob on its way in.

#include <utility>

#include "store/blob/blob_impl.h"
#include "store/strand.h"

namespace dunlin::store {
namespace {

class StoredUpload final : public BlobUpload {
 public:
  StoredUpload(BlobStore::Impl& store, BlobWish wish, std::unique_ptr<IncomingFile> file)
      : store_(store),
        alive_(store.alive),
        wish_(wish),
        counted_(wish.size.value_or(0)),
        strand_(store.environment.workers),
        file_(std::move(file)) {}

  ~StoredUpload() override {
    if (file_) strand_.run([file = std::move(file_)] { file->discard(); });
    if (alive_.expired()) return;
    store_.coming[wish_.tenant] -= counted_;
    store_.cells.uploads.set(static_cast<std::int64_t>(--store_.uploads));
  }

  std::uint64_t size() const override { return size_; }

  void write(Slice bytes, BlobDone<void> written) override {
    if (auto fits = count(bytes.size()); !fits) return answer_later(std::move(written), fits.error());
    store_.cells.bytes_in.add(static_cast<std::int64_t>(bytes.size()));
    on_strand([bytes = bytes.owned()](IncomingFile& file) { return file.append(bytes.view()); },
              // The upload may be gone by then.
              [&store = store_](const Result<void>& result) {
                if (!result) store.cells.failures.add();
              },
              std::move(written));
  }

  void finish(BlobFacts facts, BlobDone<BlobRecord> stored) override {
    if (!file_) return answer_later(std::move(stored), {Errc::unavailable, "the upload has ended already"});
    if (wish_.size && *wish_.size != size_)
      return answer_later(std::move(stored), {Errc::malformed, "the blob has another size than was said"});
    std::shared_ptr<IncomingFile> file = std::move(file_);  // shared with the worker's step
    strand_.run([file, expected = facts.expected, &executor = store_.environment.executor,
                 then = store_.guarded(hashed(file, std::move(facts), std::move(stored)))]() mutable {
      Result<BlobHash> hash = file->finish();
      if (hash && expected && *expected != *hash)
        hash = fail(Errc::malformed,
                    "the content's SHA-256 is not the one that was sent with it: " + blob_id(*hash));
      if (!hash) file->discard();
      executor.post([then = std::move(then), hash = std::move(hash)]() mutable { then(std::move(hash)); });
    });
  }

 private:
  /// What becomes of it once its hash is known.
  BlobDone<BlobHash> hashed(std::shared_ptr<IncomingFile> file, BlobFacts facts,
                            BlobDone<BlobRecord> stored) {
    return [&store = store_, tenant = wish_.tenant, size = size_, file = std::move(file),
            facts = std::move(facts), stored = std::move(stored)](Result<BlobHash> hash) mutable {
      if (!hash) {
        if (hash.error().code != Errc::malformed) store.cells.failures.add();
        return stored(std::unexpected(hash.error()));
      }
      auto work = std::make_shared<BlobStore::Impl::Commit>();  // shared by its completions
      work->record.key = {tenant, *hash, std::move(facts.device)};
      work->record.size = size;
      work->record.created = unix_milliseconds(store.environment.executor.wall_now());
      work->record.expires = facts.expires;
      work->record.media_type = std::move(facts.media_type);
      work->record.name = std::move(facts.name);
      work->record.put_by = std::move(facts.put_by);
      work->file = std::move(file);
      work->done = std::move(stored);
      store.commit(std::move(work));
    };
  }

  Result<void> count(std::uint64_t bytes) {
    if (!file_) return fail(Errc::unavailable, "the upload has ended already");
    if (size_ + bytes > store_.options.max_blob_bytes)
      return fail(Errc::limit_exceeded,
                  "a blob may have " + std::to_string(store_.options.max_blob_bytes) + " bytes");
    if (size_ + bytes > counted_) {
      const std::uint64_t more = size_ + bytes - counted_;
      DUNLIN_CHECK(store_.check_quota(wish_.tenant, more));
      store_.coming[wish_.tenant] += more;
      counted_ += more;
    }
    size_ += bytes;
    return {};
  }

  template <class T>
  void answer_later(BlobDone<T> done, Error why) {
    store_.environment.executor.post(
        [done = std::move(done), why = std::move(why)]() mutable { done(std::unexpected(std::move(why))); });
  }

  template <class Work, class Look>
  void on_strand(Work work, Look look, BlobDone<void> done) {
    auto then = store_.guarded([look = std::move(look), done = std::move(done)](Result<void> result) mutable {
      look(result);
      done(std::move(result));
    });
    strand_.run([file = file_, work = std::move(work), &executor = store_.environment.executor,
                 then = std::move(then)]() mutable {
      Result<void> result = work(*file);
      executor.post(
          [then = std::move(then), result = std::move(result)]() mutable { then(std::move(result)); });
    });
  }

  BlobStore::Impl& store_;
  std::weak_ptr<int> alive_;
  const BlobWish wish_;
  std::uint64_t counted_;  // in store_.coming
  std::uint64_t size_ = 0;
  Strand strand_;
  // Shared with the strand's tasks, which may outlive the upload.
  std::shared_ptr<IncomingFile> file_;
};

}  // namespace

std::unique_ptr<BlobUpload> make_upload(BlobStore::Impl& store, BlobWish wish,
                                        std::unique_ptr<IncomingFile> file) {
  return std::make_unique<StoredUpload>(store, wish, std::move(file));
}

}  // namespace dunlin::store
