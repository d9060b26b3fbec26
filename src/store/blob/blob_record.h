#pragma once
// What is kept of a blob beside its bytes, and the rows of the keyed store that hold it. Format:
// docs/formats/blobs.md.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/blob/blob_hash.h"

namespace dunlin::store {

/// One who holds a content: a device of a tenant, or the tenant itself. Several may hold the same one, whose
/// bytes are on the disk once.
struct BlobKey {
  std::uint32_t tenant = 1;
  BlobHash hash{};
  std::string device;  // empty: no device's

  friend auto operator<=>(const BlobKey&, const BlobKey&) = default;
};

struct BlobRecord {
  BlobKey key;
  std::uint64_t size = 0;
  std::int64_t created = 0;  // Unix ms
  std::int64_t expires = 0;  // Unix ms; 0: never
  std::string media_type;
  std::string name;    // of a file; may be empty
  std::string put_by;  // the principal's name
};

/// What stands under a content's row: its bytes are on the disk as long as it has holders.
struct BlobContent {
  std::uint64_t size = 0;
  std::uint32_t holders = 0;  // of all tenants
};

/// What a tenant's blobs are, or all contents.
struct BlobUsage {
  std::uint64_t bytes = 0;
  std::uint64_t blobs = 0;
};

std::string encode(const BlobRecord& record);
/// Errors: corrupt, unsupported (a later version's).
Result<BlobRecord> decode_record(BlobKey key, std::string_view row);
std::string encode(const BlobContent& content);
Result<BlobContent> decode_content(std::string_view row);
std::string encode(const BlobUsage& usage);
Result<BlobUsage> decode_usage(std::string_view row);

/// Keys of the table `blob`. Those of a tenant begin with its number, those of all with the number 0, which
/// no tenant has.
std::string content_row(const BlobHash& hash);
std::string contents_begin();
std::string record_row(const BlobKey& key);
/// Without the device: where the holders of a content begin.
std::string records_begin(std::uint32_t tenant, const BlobHash& hash);
/// The newest first.
std::string time_row(const BlobRecord& record);
std::string times_begin(std::uint32_t tenant, std::optional<std::int64_t> newest);
std::string device_row(const BlobRecord& record);
std::string devices_begin(std::uint32_t tenant, std::string_view device, std::optional<std::int64_t> newest);
std::string expiry_row(const BlobRecord& record);
std::string expiries_begin();
/// Behind all that expire at `now` or before.
std::string expiries_end(std::int64_t now);
std::string usage_row(std::uint32_t tenant);
std::string usages_begin();
/// The contents of all tenants together.
std::string total_row();
/// The least key above every key that begins with `prefix`.
std::string rows_end(std::string prefix);

/// The reverse of record_row(), time_row(), device_row() and expiry_row(); time and expiry rows say when, in
/// Unix ms. nullopt: no such key.
struct BlobPlace {
  BlobKey key;
  std::int64_t time = 0;
};
std::optional<BlobPlace> place_of_record(std::string_view row);
std::optional<BlobPlace> place_of_time(std::string_view row);
std::optional<BlobPlace> place_of_device(std::string_view row);
std::optional<BlobPlace> place_of_expiry(std::string_view row);
std::optional<BlobHash> hash_of_content(std::string_view row);
std::optional<std::uint32_t> tenant_of_usage(std::string_view row);

}  // namespace dunlin::store
