// Pages of what is held, by the indexes of time and device.

#include "base/base64.h"
#include "store/blob/blob_impl.h"

namespace dunlin::store {
namespace {

bool fits(const BlobRecord& record, const BlobQuery& query) {
  if (query.media_type.empty()) return true;
  const std::string_view wanted = query.media_type;
  if (wanted.ends_with('*')) return record.media_type.starts_with(wanted.substr(0, wanted.size() - 1));
  return record.media_type == wanted;
}

/// One page on its way. Shared by its completions; one at a time.
struct Listing {
  BlobStore::Impl& store;
  BlobQuery query;
  BlobDone<BlobPage> done;
  std::string at;   // the next row
  std::string end;  // behind the last one
  std::size_t looked_at = 0;
  BlobPage page{};

  bool by_device() const { return !query.device.empty(); }
  std::optional<BlobPlace> place(std::string_view row) const {
    return by_device() ? place_of_device(row) : place_of_time(row);
  }
};

void look(std::shared_ptr<Listing> work);

/// Takes the records of these rows as long as there is room for them.
void take(const std::shared_ptr<Listing>& work, const std::vector<Entry>& index, const BlobRows& records) {
  for (const Entry& row : index) {
    auto place = work->place(row.key);
    if (!place) continue;
    const bool too_old = work->query.from && place->time < *work->query.from;
    if (too_old) return work->done(std::move(work->page));
    const auto found = records.find(record_row(place->key));
    // Removed meanwhile.
    if (found == records.end()) continue;
    auto record = decode_record(std::move(place->key), found->second);
    if (!record) return work->done(std::unexpected(record.error()));
    if (!fits(*record, work->query)) continue;
    if (work->page.blobs.size() == work->query.limit) {
      work->page.next = to_base64url(as_bytes(row.key));
      return work->done(std::move(work->page));
    }
    work->page.blobs.push_back(*std::move(record));
  }
  work->at = index.back().key + '\0';
  work->looked_at += index.size();
  if (work->looked_at < kMaxRowsLookedAt) return look(work);
  work->page.next = to_base64url(as_bytes(work->at));
  work->done(std::move(work->page));
}

void look(std::shared_ptr<Listing> work) {
  Listing& listing = *work;
  listing.store.range(
      listing.at, listing.end, kRowsPerLook, [work](Result<std::vector<Entry>> index) mutable {
        if (!index) return work->done(std::unexpected(index.error()));
        if (index->empty()) return work->done(std::move(work->page));
        std::vector<std::string> keys;
        for (const Entry& row : *index) {
          if (const auto place = work->place(row.key)) keys.push_back(record_row(place->key));
        }
        work->store.fetch(std::move(keys), [work, index = *std::move(index)](Result<BlobRows> rows) {
          if (!rows) return work->done(std::unexpected(rows.error()));
          take(work, index, *rows);
        });
      });
}

}  // namespace

void BlobStore::list(BlobQuery query, BlobDone<BlobPage> done) {
  std::optional<std::int64_t> newest;
  if (query.to) newest = *query.to - 1;
  const bool by_device = !query.device.empty();
  const std::string prefix = by_device ? devices_begin(query.tenant, query.device, std::nullopt)
                                       : times_begin(query.tenant, std::nullopt);
  std::string begin =
      by_device ? devices_begin(query.tenant, query.device, newest) : times_begin(query.tenant, newest);
  if (!query.after.empty()) {
    const auto row = from_base64url(query.after);
    // A place in another list would show what is not asked for.
    if (!row || !as_text(*row).starts_with(prefix))
      return done(fail(Errc::invalid_argument, "\"after\" must be \"next\" of the page before"));
    begin = as_text(*row);
  }
  look(std::make_shared<Listing>(
      Listing{*impl_, std::move(query), std::move(done), std::move(begin), rows_end(prefix)}));
}

}  // namespace dunlin::store
