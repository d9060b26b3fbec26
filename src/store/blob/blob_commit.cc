// The last steps of an upload: its name, then its rows. Only then it is acknowledged.

#include "store/blob/blob_impl.h"

namespace dunlin::store {

void BlobStore::Impl::commit(std::shared_ptr<Commit> work) {
  changes.add([this, work = std::move(work)](Task finished) mutable {
    work->finished = std::move(finished);
    const BlobKey& key = work->record.key;
    fetch({content_row(key.hash), record_row(key)}, [this, work](Result<BlobRows> rows) {
      const auto read = [&]() -> Result<void> {
        if (!rows) return std::unexpected(rows.error());
        if (const auto found = rows->find(content_row(work->record.key.hash)); found != rows->end()) {
          DUNLIN_TRY(work->content, decode_content(found->second));
        }
        if (const auto found = rows->find(record_row(work->record.key)); found != rows->end()) {
          DUNLIN_TRY(work->before, decode_record(work->record.key, found->second));
        }
        if (!work->before && work->content.holders >= kMaxHolders)
          return fail(Errc::limit_exceeded, "as many hold this content as may");
        return {};
      };
      if (auto known = read(); !known) return give_up(work, known.error());
      commit_file(work);
    });
  });
}

void BlobStore::Impl::give_up(const std::shared_ptr<Commit>& work, const Error& why) {
  cells.failures.add();
  on_worker(
      [file = work->file] {
        file->discard();
        return 0;
      },
      [work, why](int) {
        work->finished();
        work->done(std::unexpected(why));
      });
}

void BlobStore::Impl::commit_file(std::shared_ptr<Commit> work) {
  on_worker(
      [files = files, file = work->file, hash = work->record.key.hash] { return files->keep(*file, hash); },
      [this, work](const Result<void>& kept) {
        if (kept) return commit_rows(work);
        // It may have its name by now, and no row.
        sweep_later();
        give_up(work, kept.error());
      });
}

void BlobStore::Impl::commit_rows(std::shared_ptr<Commit> work) {
  BlobRecord& record = work->record;
  BlobUsage usage = usages[record.key.tenant];
  BlobUsage all = contents;
  Batch batch;
  if (work->before) {
    record.created = work->before->created;
    if (work->before->expires != 0) batch.deletes.push_back({Table::blob, expiry_row(*work->before)});
  } else {
    usage.bytes += record.size;
    ++usage.blobs;
    if (work->content.holders++ == 0) {
      all.bytes += record.size;
      ++all.blobs;
    }
    work->content.size = record.size;
    batch.puts.push_back({Table::blob, content_row(record.key.hash), encode(work->content)});
    batch.puts.push_back({Table::blob, usage_row(record.key.tenant), encode(usage)});
    batch.puts.push_back({Table::blob, total_row(), encode(all)});
    batch.puts.push_back({Table::blob, time_row(record), {}});
    batch.puts.push_back({Table::blob, device_row(record), {}});
  }
  batch.puts.push_back({Table::blob, record_row(record.key), encode(record)});
  if (record.expires != 0) batch.puts.push_back({Table::blob, expiry_row(record), {}});
  environment.keyed.write(environment.executor, std::move(batch),
                          guarded([this, work, usage, all](const Result<void>& written) {
                            if (!written) {
                              // Whether the rows are there is known for sure only later.
                              cells.failures.add();
                              sweep_later();
                              work->finished();
                              return work->done(std::unexpected(written.error()));
                            }
                            set_usage(work->record.key.tenant, usage);
                            set_contents(all);
                            cells.stored.add();
                            work->finished();
                            work->done(std::move(work->record));
                          }));
}

}  // namespace dunlin::store
