#pragma once
// Large binaries by their hash: bytes in files, what is known of them in the keyed store. A blob that was
// acknowledged is on the disk; what a crash leaves is removed by the next start. Format:
// docs/formats/blobs.md.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "base/slice.h"
#include "store/blob/blob_record.h"
#include "store/keyed.h"

namespace dunlin::store {

template <class T>
using BlobDone = std::move_only_function<void(Result<T>)>;

struct BlobOptions {
  std::string folder;
  std::uint64_t max_blob_bytes = 1ULL << 30;
  /// Of one tenant, each holder of a content counted.
  std::uint64_t max_tenant_bytes = 1ULL << 40;
  std::uint64_t max_tenant_blobs = 1'000'000;
  /// So much of the disk is left to others.
  std::uint64_t keep_free_bytes = 64ULL << 20;
};

struct BlobEnvironment {
  Executor& executor;
  WorkerPool& workers;
  Fs& fs;
  Keyed& keyed;
  metrics::Registry& metrics;
};

/// What is coming in.
struct BlobWish {
  std::uint32_t tenant = 1;
  std::optional<std::uint64_t> size{};  // where it is known beforehand
};

/// What is said of it once all of it has come.
struct BlobFacts {
  std::string device{};  // the holder; empty: the tenant
  std::string media_type{};
  std::string name{};
  std::string put_by{};
  std::int64_t expires = 0;            // Unix ms; 0: never
  std::optional<BlobHash> expected{};  // what the sender says its hash is
};

/// One that is coming in. Destroyed before finish() it leaves nothing behind. The store's executor.
class BlobUpload {
 public:
  virtual ~BlobUpload() = default;
  /// In the order of the calls; the next may be made before the last is answered, and the caller bounds how
  /// many. Errors: limit_exceeded (max_blob_bytes), quota_exceeded, no_space, io: the upload is over.
  virtual void write(Slice bytes, BlobDone<void> written) = 0;
  /// Answers once the blob is durable; nothing may be written any more. Who holds the same content already
  /// has the new facts from now on, and `created` as it was. Errors: as write(), malformed (`expected` or the
  /// wished size differ), limit_exceeded (kMaxHolders).
  virtual void finish(BlobFacts facts, BlobDone<BlobRecord> stored) = 0;
  /// Bytes that were given to write().
  virtual std::uint64_t size() const = 0;
};

/// The bytes of a blob, also once it was removed. Any thread may destroy it.
class BlobReader {
 public:
  virtual ~BlobReader() = default;
  virtual std::uint64_t size() const = 0;
  /// Fewer bytes than `length` only at the end. The store's executor. Errors: io.
  virtual void read(std::uint64_t offset, std::size_t length, BlobDone<Slice> done) = 0;
};

struct BlobQuery {
  std::uint32_t tenant = 1;
  std::string device{};                // empty: of any
  std::string media_type{};            // empty: any; with a * at its end: those that begin so
  std::optional<std::int64_t> from{};  // created, Unix ms, inclusive
  std::optional<std::int64_t> to{};    // exclusive
  std::size_t limit = 100;
  std::string after{};  // BlobPage::next of the page before
};
struct BlobPage {
  std::vector<BlobRecord> blobs{};  // the newest first
  std::string next{};               // empty: that was all. A page may be short, and there be a next one
};

/// One executor's thread; it must outlive what was called. Errors of all calls: those of the keyed store, io.
class BlobStore {
 public:
  BlobStore(BlobEnvironment environment, BlobOptions options);
  ~BlobStore();
  BlobStore(const BlobStore&) = delete;
  BlobStore& operator=(const BlobStore&) = delete;

  /// Everything else is called once it has started. Files that nobody holds are removed in the background.
  void start(BlobDone<void> started);

  /// A refusal may come within the call. Errors: limit_exceeded, quota_exceeded, unavailable (kMaxUploads are
  /// coming in), no_space.
  void receive(BlobWish wish, BlobDone<std::unique_ptr<BlobUpload>> begun);
  /// Those who hold it in this tenant, by device; empty: nobody.
  void find(std::uint32_t tenant, const BlobHash& hash, BlobDone<std::vector<BlobRecord>> found);
  /// Errors: invalid_argument (`after` is no such text).
  void list(BlobQuery query, BlobDone<BlobPage> done);
  /// Whoever may read it is for the caller to say. Errors: corrupt (the file is gone).
  void open(const BlobHash& hash, BlobDone<std::shared_ptr<BlobReader>> opened);

  /// Ends holdings, and with its last one the content. Those that are not there are passed over; answers how
  /// many were.
  void remove(std::vector<BlobKey> keys, BlobDone<std::size_t> removed);
  /// Ends at most kExpiredAtOnce of those whose time is over.
  void remove_expired(BlobDone<std::size_t> removed);

  BlobUsage usage(std::uint32_t tenant) const;
  /// The contents that are on the disk, each once.
  BlobUsage contents() const;
  const BlobOptions& options() const;

  struct Impl;  // of this room

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunlin::store
