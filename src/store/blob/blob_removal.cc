// Holdings that end: the rows go first, then the files of contents that nobody holds any more.

#include <algorithm>

#include "base/log.h"
#include "store/blob/blob_impl.h"

namespace dunlin::store {

void BlobStore::Impl::remove(std::shared_ptr<Removal> work) {
  changes.add([this, work = std::move(work)](Task finished) mutable {
    work->finished = std::move(finished);
    std::ranges::sort(work->keys);
    const auto twice = std::ranges::unique(work->keys);
    work->keys.erase(twice.begin(), twice.end());
    std::vector<std::string> rows;
    for (const BlobKey& key : work->keys) {
      rows.push_back(record_row(key));
      rows.push_back(content_row(key.hash));
    }
    fetch(std::move(rows), [this, work](Result<BlobRows> found) {
      const auto read = [&]() -> Result<void> {
        if (!found) return std::unexpected(found.error());
        for (const BlobKey& key : work->keys) {
          const auto row = found->find(record_row(key));
          if (row == found->end()) continue;
          DUNLIN_TRY(auto record, decode_record(key, row->second));
          // Its holder may have stored it again since the expiry was read.
          const bool stays = work->expired_at && (record.expires == 0 || record.expires > *work->expired_at);
          if (stays) continue;
          work->records.push_back(std::move(record));
          const auto content = found->find(content_row(key.hash));
          if (content == found->end()) continue;
          DUNLIN_TRY(work->contents[key.hash], decode_content(content->second));
        }
        return {};
      };
      const auto known = read();
      if (known && !work->records.empty()) return remove_rows(work);
      work->finished();
      work->done(known ? Result<std::size_t>(0U) : std::unexpected(known.error()));
    });
  });
}

void BlobStore::Impl::remove_rows(std::shared_ptr<Removal> work) {
  std::map<std::uint32_t, BlobUsage> left;
  BlobUsage all = contents;
  Batch batch;
  const auto drop = [&batch](std::string row) { batch.deletes.push_back({Table::blob, std::move(row)}); };
  for (const BlobRecord& record : work->records) {
    drop(record_row(record.key));
    drop(time_row(record));
    drop(device_row(record));
    if (record.expires != 0) drop(expiry_row(record));
    BlobUsage& usage = left.try_emplace(record.key.tenant, usages[record.key.tenant]).first->second;
    usage.bytes -= std::min(usage.bytes, record.size);
    usage.blobs -= std::min<std::uint64_t>(usage.blobs, 1);
    BlobContent& content = work->contents[record.key.hash];
    content.holders -= std::min(content.holders, 1U);
  }
  for (const auto& [hash, content] : work->contents) {
    if (content.holders > 0) {
      batch.puts.push_back({Table::blob, content_row(hash), encode(content)});
      continue;
    }
    drop(content_row(hash));
    all.bytes -= std::min(all.bytes, content.size);
    all.blobs -= std::min<std::uint64_t>(all.blobs, 1);
  }
  for (const auto& [tenant, usage] : left)
    batch.puts.push_back({Table::blob, usage_row(tenant), encode(usage)});
  batch.puts.push_back({Table::blob, total_row(), encode(all)});
  environment.keyed.write(environment.executor, std::move(batch),
                          guarded([this, work, left = std::move(left), all](const Result<void>& written) {
                            if (!written) {
                              work->finished();
                              return work->done(std::unexpected(written.error()));
                            }
                            for (const auto& [tenant, usage] : left) set_usage(tenant, usage);
                            set_contents(all);
                            cells.removed.add(static_cast<std::int64_t>(work->records.size()));
                            remove_files(work);
                          }));
}

void BlobStore::Impl::remove_files(std::shared_ptr<Removal> work) {
  std::vector<BlobHash> unheld;
  for (const auto& [hash, content] : work->contents)
    if (content.holders == 0) unheld.push_back(hash);
  on_worker(
      [files = files, unheld = std::move(unheld)]() -> Result<void> {
        Result<void> first;
        for (const BlobHash& hash : unheld) {
          auto removed = files->remove(hash);
          if (first && !removed) first = std::move(removed);
        }
        return first;
      },
      [this, work](const Result<void>& removed) {
        if (!removed) {
          log::error("store/blob", "a file of a blob that is gone could not be removed yet",
                     {{"why", removed.error().message}});
          sweep_later();
        }
        work->finished();
        work->done(work->records.size());
      });
}

void BlobStore::remove_expired(BlobDone<std::size_t> removed) {
  Impl& impl = *impl_;
  const std::int64_t now = unix_milliseconds(impl.environment.executor.wall_now());
  impl.range(expiries_begin(), expiries_end(now), kExpiredAtOnce,
             [&impl, now, removed = std::move(removed)](Result<std::vector<Entry>> rows) mutable {
               if (!rows) return removed(std::unexpected(rows.error()));
               auto work = std::make_shared<Impl::Removal>();  // shared by its completions
               work->expired_at = now;
               for (const Entry& row : *rows) {
                 if (auto place = place_of_expiry(row.key)) work->keys.push_back(std::move(place->key));
               }
               if (work->keys.empty()) return removed(std::size_t{0});
               work->done = [&impl, removed = std::move(removed)](Result<std::size_t> count) mutable {
                 if (count) impl.cells.expired.add(static_cast<std::int64_t>(*count));
                 removed(std::move(count));
               };
               impl.remove(std::move(work));
             });
}

}  // namespace dunlin::store
