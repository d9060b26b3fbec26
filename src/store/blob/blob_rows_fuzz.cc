// Any bytes as rows of the blob store: what decodes encodes to itself.
#include <cstddef>
#include <cstdint>

#include "base/core/assert.h"
#include "base/core/bytes.h"
#include "store/blob/blob_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::store;
  const std::string_view row = as_text(ByteView(data, size));
  if (const auto record = decode_record({}, row)) DUNLIN_ASSERT(encode(*record) == row);
  if (const auto content = decode_content(row)) DUNLIN_ASSERT(encode(*content) == row);
  if (const auto usage = decode_usage(row)) DUNLIN_ASSERT(encode(*usage) == row);
  if (const auto place = place_of_record(row)) DUNLIN_ASSERT(record_row(place->key) == row);
  BlobRecord record;
  if (auto place = place_of_time(row)) {
    record.key = place->key;
    record.created = place->time;
    DUNLIN_ASSERT(time_row(record) == row);
  }
  if (auto place = place_of_device(row)) {
    record.key = place->key;
    record.created = place->time;
    DUNLIN_ASSERT(device_row(record) == row);
  }
  if (auto place = place_of_expiry(row)) {
    record.key = place->key;
    record.expires = place->time;
    DUNLIN_ASSERT(expiry_row(record).substr(5) == row.substr(5));
  }
  if (const auto hash = hash_of_content(row)) DUNLIN_ASSERT(content_row(*hash).substr(5) == row.substr(5));
  static_cast<void>(parse_blob_id(row));
  return 0;
}
