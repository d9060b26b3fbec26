#include "store/blob/blob_store.h"

#include <algorithm>

#include "base/log.h"
#include "store/blob/blob_impl.h"
#include "store/keyed_scan.h"
#include "store/limits.h"

namespace dunlin::store {
namespace {

constexpr unsigned kFirstBytes = 256;

/// The file behind a blob, read on workers.
class FileReader final : public BlobReader, public std::enable_shared_from_this<FileReader> {
 public:
  FileReader(BlobEnvironment environment, metrics::Cell& bytes_out, std::unique_ptr<File> file,
             std::uint64_t size)
      : environment_(environment), bytes_out_(bytes_out), file_(std::move(file)), size_(size) {}

  std::uint64_t size() const override { return size_; }

  void read(std::uint64_t offset, std::size_t length, BlobDone<Slice> done) override {
    environment_.workers.run([self = shared_from_this(), offset, length, done = std::move(done)]() mutable {
      auto bytes = self->read_now(offset, length);
      self->environment_.executor.post([self, done = std::move(done), bytes = std::move(bytes)]() mutable {
        if (bytes) self->bytes_out_.add(static_cast<std::int64_t>(bytes->size()));
        done(std::move(bytes));
      });
    });
  }

 private:
  Result<Slice> read_now(std::uint64_t offset, std::size_t length) const {
    std::vector<std::uint8_t> bytes(length);
    DUNLIN_TRY(const std::size_t got, file_->read_at(offset, bytes));
    return Slice::copy_of(ByteView(bytes).first(got));
  }

  const BlobEnvironment environment_;
  metrics::Cell& bytes_out_;
  const std::unique_ptr<File> file_;
  const std::uint64_t size_;
};

}  // namespace

BlobStore::Impl::Impl(BlobEnvironment parts, BlobOptions wanted)
    : environment(parts),
      options(std::move(wanted)),
      files(std::make_shared<BlobFiles>(parts.fs, options.folder)),
      cells{parts.metrics.counter("dunlin_blob_stored_total", "Blobs that were stored"),
            parts.metrics.counter("dunlin_blob_removed_total", "Blobs that were removed, expired ones too"),
            parts.metrics.counter("dunlin_blob_expired_total",
                                  "Blobs that were removed because their time was over"),
            parts.metrics.counter("dunlin_blob_received_bytes_total", "Bytes of blobs that came in"),
            parts.metrics.counter("dunlin_blob_sent_bytes_total", "Bytes of blobs that were read"),
            parts.metrics.counter("dunlin_blob_swept_total", "Files that nobody held and that were removed"),
            parts.metrics.counter("dunlin_blob_failures_total", "Uploads that the disk or the store failed"),
            parts.metrics.gauge("dunlin_blob_contents", "Contents of blobs on the disk"),
            parts.metrics.gauge("dunlin_blob_bytes", "Bytes of these contents"),
            parts.metrics.gauge("dunlin_blob_uploads", "Blobs that are coming in")} {}

void BlobStore::Impl::fetch(std::vector<std::string> keys, BlobDone<BlobRows> done) {
  std::vector<Range> wanted;
  wanted.reserve(keys.size());
  for (const std::string& key : keys)
    wanted.push_back({.begin = key, .end = key + '\0', .max_entries = 1, .max_bytes = kMaxValueBytes});
  environment.keyed.ranges(environment.executor, Table::blob, std::move(wanted),
                           guarded([done = std::move(done)](Result<std::vector<RangePart>> parts) mutable {
                             if (!parts) return done(std::unexpected(parts.error()));
                             BlobRows rows;
                             for (RangePart& part : *parts)
                               for (Entry& entry : part.entries)
                                 rows.emplace(std::move(entry.key), std::move(entry.value));
                             done(std::move(rows));
                           }));
}

void BlobStore::Impl::range(std::string begin, std::string end, std::size_t most,
                            BlobDone<std::vector<Entry>> done) {
  Range wanted{.begin = std::move(begin), .end = std::move(end), .max_entries = most};
  environment.keyed.range(environment.executor, Table::blob, std::move(wanted), guarded(std::move(done)));
}

void BlobStore::Impl::all_rows(std::string begin, std::string end, BlobDone<std::vector<Entry>> done) {
  auto rows = std::make_shared<std::vector<Entry>>();  // shared by the way and its end
  auto each = [rows](const Entry& row) -> Result<void> {
    rows->push_back(row);
    return {};
  };
  auto ended = guarded([rows, done = std::move(done)](Result<void> read) mutable {
    if (!read) return done(std::unexpected(std::move(read).error()));
    done(std::move(*rows));
  });
  for_each_entry(environment.executor, environment.keyed, Table::blob,
                 {.begin = std::move(begin), .end = std::move(end)}, std::move(each), std::move(ended));
}

void BlobStore::Impl::load_usages(BlobDone<void> started) {
  // Tenants are few; the row of all contents lies just before theirs.
  all_rows(total_row(), rows_end(usages_begin()),
           [this, started = std::move(started)](Result<std::vector<Entry>> rows) mutable {
             if (!rows) return started(std::unexpected(rows.error()));
             for (const Entry& row : *rows) {
               const auto usage = decode_usage(row.value);
               if (!usage) return started(std::unexpected(usage.error()));
               const auto tenant = tenant_of_usage(row.key);
               if (tenant) usages[*tenant] = *usage;
               if (row.key == total_row()) set_contents(*usage);
             }
             started({});
             sweep(0);
           });
}

void BlobStore::Impl::sweep(unsigned first) {
  if (first == kFirstBytes) return;
  changes.add([this, first](Task finished) {
    sweep_one(static_cast<std::uint8_t>(first), std::move(finished));
    // The next one waits behind whatever else wants to be done meanwhile.
    sweep(first + 1);
  });
}

void BlobStore::Impl::sweep_one(std::uint8_t first, Task finished) {
  on_worker([files = files, first] { return files->list(first); },
            [this, finished = std::move(finished)](Result<std::vector<BlobHash>> listed) mutable {
              if (!listed || listed->empty()) return finished();
              std::vector<std::string> keys;
              for (const BlobHash& hash : *listed) keys.push_back(content_row(hash));
              fetch(std::move(keys), [this, listed = *std::move(listed),
                                      finished = std::move(finished)](Result<BlobRows> rows) mutable {
                if (!rows) {
                  sweep_later();
                  return finished();
                }
                std::erase_if(listed,
                              [&](const BlobHash& hash) { return rows->contains(content_row(hash)); });
                cells.swept.add(static_cast<std::int64_t>(listed.size()));
                on_worker(
                    [files = files, listed = std::move(listed)] {
                      for (const BlobHash& hash : listed) static_cast<void>(files->remove(hash));
                      return 0;
                    },
                    [finished = std::move(finished)](int) mutable { finished(); });
              });
            });
}

void BlobStore::Impl::sweep_later() {
  environment.executor.cancel(sweep_timer);
  sweep_timer = environment.executor.schedule(kSweepRetry, [this] { sweep(0); });
}

Result<void> BlobStore::Impl::check_quota(std::uint32_t tenant, std::uint64_t bytes) const {
  const auto usage = usages.find(tenant);
  const auto pending = coming.find(tenant);
  const std::uint64_t held = usage == usages.end() ? 0 : usage->second.bytes;
  const std::uint64_t under_way = pending == coming.end() ? 0 : pending->second;
  if (held + under_way + bytes > options.max_tenant_bytes)
    return fail(Errc::quota_exceeded, "the blobs of this tenant may have " +
                                          std::to_string(options.max_tenant_bytes) +
                                          " bytes in all, and this one does not fit; delete some, or raise "
                                          "blobs.max_tenant_bytes");
  if (usage != usages.end() && usage->second.blobs >= options.max_tenant_blobs)
    return fail(Errc::quota_exceeded, "this tenant has " + std::to_string(options.max_tenant_blobs) +
                                          " blobs, as many as it may; delete some");
  return {};
}

void BlobStore::Impl::set_usage(std::uint32_t tenant, BlobUsage usage) {
  usages[tenant] = usage;
}

void BlobStore::Impl::set_contents(BlobUsage usage) {
  contents = usage;
  cells.blobs.set(static_cast<std::int64_t>(usage.blobs));
  cells.bytes.set(static_cast<std::int64_t>(usage.bytes));
}

BlobStore::BlobStore(BlobEnvironment environment, BlobOptions options)
    : impl_(std::make_unique<Impl>(environment, std::move(options))) {}

BlobStore::~BlobStore() {
  impl_->environment.executor.cancel(impl_->sweep_timer);
}

void BlobStore::start(BlobDone<void> started) {
  impl_->on_worker([files = impl_->files] { return files->open(); },
                   [impl = impl_.get(), started = std::move(started)](Result<void> opened) mutable {
                     if (!opened) return started(std::move(opened));
                     impl->load_usages(std::move(started));
                   });
}

void BlobStore::receive(BlobWish wish, BlobDone<std::unique_ptr<BlobUpload>> begun) {
  Impl& impl = *impl_;
  const std::uint64_t size = wish.size.value_or(0);
  if (impl.uploads >= kMaxUploads)
    return begun(fail(Errc::unavailable, "as many blobs are coming in as may at once; try again later"));
  if (size > impl.options.max_blob_bytes)
    return begun(fail(Errc::limit_exceeded,
                      "a blob may have " + std::to_string(impl.options.max_blob_bytes) + " bytes"));
  if (auto fits = impl.check_quota(wish.tenant, size); !fits) return begun(std::unexpected(fits.error()));
  ++impl.uploads;
  impl.coming[wish.tenant] += size;
  const std::uint64_t number = impl.next_upload++;
  impl.cells.uploads.set(static_cast<std::int64_t>(impl.uploads));
  impl.on_worker(
      [files = impl.files, number, size, keep_free = impl.options.keep_free_bytes] {
        return files->receive(number, size, keep_free);
      },
      [&impl, wish, begun = std::move(begun)](Result<std::unique_ptr<IncomingFile>> file) mutable {
        if (file) return begun(make_upload(impl, wish, *std::move(file)));
        --impl.uploads;
        impl.coming[wish.tenant] -= wish.size.value_or(0);
        impl.cells.uploads.set(static_cast<std::int64_t>(impl.uploads));
        impl.cells.failures.add();
        begun(std::unexpected(file.error()));
      });
}

void BlobStore::find(std::uint32_t tenant, const BlobHash& hash, BlobDone<std::vector<BlobRecord>> found) {
  const std::string begin = records_begin(tenant, hash);
  impl_->all_rows(begin, rows_end(begin),
                  [found = std::move(found)](Result<std::vector<Entry>> rows) mutable {
                    if (!rows) return found(std::unexpected(rows.error()));
                    std::vector<BlobRecord> records;
                    for (const Entry& row : *rows) {
                      auto place = place_of_record(row.key);
                      auto record = place ? decode_record(std::move(place->key), row.value)
                                          : fail(Errc::corrupt, "a row of the blob store is damaged");
                      if (!record) return found(std::unexpected(record.error()));
                      records.push_back(*std::move(record));
                    }
                    found(std::move(records));
                  });
}

void BlobStore::open(const BlobHash& hash, BlobDone<std::shared_ptr<BlobReader>> opened) {
  Impl& impl = *impl_;
  impl.on_worker(
      [files = impl.files, hash]() -> Result<std::pair<std::unique_ptr<File>, std::uint64_t>> {
        auto file = files->read(hash);
        if (!file && file.error().code == Errc::not_found)
          return fail(Errc::corrupt, "the bytes of this blob are not on the disk any more");
        if (!file) return std::unexpected(file.error());
        DUNLIN_TRY(const std::uint64_t size, (*file)->size());
        return std::pair(*std::move(file), size);
      },
      [&impl, opened = std::move(opened)](auto file) mutable {
        if (!file) return opened(std::unexpected(file.error()));
        opened(std::make_shared<FileReader>(impl.environment, impl.cells.bytes_out, std::move(file->first),
                                            file->second));
      });
}

void BlobStore::remove(std::vector<BlobKey> keys, BlobDone<std::size_t> removed) {
  auto work = std::make_shared<Impl::Removal>();  // shared by its completions
  work->keys = std::move(keys);
  work->done = std::move(removed);
  impl_->remove(std::move(work));
}

BlobUsage BlobStore::usage(std::uint32_t tenant) const {
  const auto found = impl_->usages.find(tenant);
  return found == impl_->usages.end() ? BlobUsage{} : found->second;
}

BlobUsage BlobStore::contents() const {
  return impl_->contents;
}

const BlobOptions& BlobStore::options() const {
  return impl_->options;
}

}  // namespace dunlin::store
