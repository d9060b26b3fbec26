#include "store/blob/blob_record.h"

#include <algorithm>
#include <vector>

#include "base/core/bytes.h"
#include "store/encoding.h"

namespace dunlin::store {
namespace {

constexpr std::uint8_t kVersion = 1;

// What a row is of: the byte behind the tenant's number.
constexpr char kContent = 'c';
constexpr char kRecord = 'r';
constexpr char kTime = 't';
constexpr char kDevice = 'd';
constexpr char kExpiry = 'e';
constexpr char kUsage = 'u';
constexpr char kTotal = 's';
constexpr std::uint32_t kAllTenants = 0;
constexpr std::size_t kHead = 5;  // tenant and kind

template <class Number>
std::string big_endian(Number value) {
  std::string bytes(sizeof value, '\0');
  for (std::size_t i = bytes.size(); i-- > 0; value >>= 8) bytes[i] = static_cast<char>(value & 0xffU);
  return bytes;
}

template <class Number>
Number read_big_endian(std::string_view bytes) {
  Number value = 0;
  for (const char byte : bytes.substr(0, sizeof value))
    value = static_cast<Number>((value << 8) | static_cast<std::uint8_t>(byte));
  return value;
}

std::string head(std::uint32_t tenant, char kind) {
  return big_endian(tenant) + kind;
}

bool is_of(std::string_view row, char kind) {
  return row.size() >= kHead && row[kHead - 1] == kind;
}

/// Later times come first.
std::string newest_first(std::int64_t milliseconds) {
  return big_endian(~static_cast<std::uint64_t>(milliseconds));
}

std::int64_t read_newest_first(std::string_view bytes) {
  return static_cast<std::int64_t>(~read_big_endian<std::uint64_t>(bytes));
}

std::string text_of(const BlobHash& hash) {
  return std::string(as_text(hash));
}

BlobHash hash_of(std::string_view bytes) {
  BlobHash hash{};
  std::ranges::copy(as_bytes(bytes.substr(0, hash.size())), hash.begin());
  return hash;
}

std::string as_string(const std::vector<std::uint8_t>& bytes) {
  return std::string(as_text(bytes));
}

Result<void> check_version(Decoder& in) {
  const auto version = in.number<std::uint8_t>();
  if (!in.ok()) return fail(Errc::corrupt, "a row of the blob store is cut short");
  if (version != kVersion)
    return fail(Errc::unsupported, "a row of the blob store is of version " + std::to_string(version));
  return {};
}

Result<void> check_end(const Decoder& in) {
  if (in.ok() && in.left() == 0) return {};
  return fail(Errc::corrupt, "a row of the blob store is damaged");
}

constexpr std::size_t kHashBytes = std::tuple_size_v<BlobHash>;

}  // namespace

std::string encode(const BlobRecord& record) {
  std::vector<std::uint8_t> out;
  append_number(out, kVersion);
  append_number(out, record.size);
  append_number(out, record.created);
  append_number(out, record.expires);
  append_text(out, record.media_type);
  append_text(out, record.name);
  append_text(out, record.put_by);
  return as_string(out);
}

Result<BlobRecord> decode_record(BlobKey key, std::string_view row) {
  Decoder in(as_bytes(row));
  DUNLIN_CHECK(check_version(in));
  BlobRecord record;
  record.key = std::move(key);
  record.size = in.number<std::uint64_t>();
  record.created = in.number<std::int64_t>();
  record.expires = in.number<std::int64_t>();
  record.media_type = in.text();
  record.name = in.text();
  record.put_by = in.text();
  DUNLIN_CHECK(check_end(in));
  return record;
}

std::string encode(const BlobContent& content) {
  std::vector<std::uint8_t> out;
  append_number(out, kVersion);
  append_number(out, content.size);
  append_number(out, content.holders);
  return as_string(out);
}

Result<BlobContent> decode_content(std::string_view row) {
  Decoder in(as_bytes(row));
  DUNLIN_CHECK(check_version(in));
  BlobContent content;
  content.size = in.number<std::uint64_t>();
  content.holders = in.number<std::uint32_t>();
  DUNLIN_CHECK(check_end(in));
  return content;
}

std::string encode(const BlobUsage& usage) {
  std::vector<std::uint8_t> out;
  append_number(out, kVersion);
  append_number(out, usage.bytes);
  append_number(out, usage.blobs);
  return as_string(out);
}

Result<BlobUsage> decode_usage(std::string_view row) {
  Decoder in(as_bytes(row));
  DUNLIN_CHECK(check_version(in));
  BlobUsage usage;
  usage.bytes = in.number<std::uint64_t>();
  usage.blobs = in.number<std::uint64_t>();
  DUNLIN_CHECK(check_end(in));
  return usage;
}

std::string content_row(const BlobHash& hash) {
  return contents_begin() + text_of(hash);
}

std::string contents_begin() {
  return head(kAllTenants, kContent);
}

std::string record_row(const BlobKey& key) {
  return records_begin(key.tenant, key.hash) + key.device;
}

std::string records_begin(std::uint32_t tenant, const BlobHash& hash) {
  return head(tenant, kRecord) + text_of(hash);
}

std::string time_row(const BlobRecord& record) {
  return times_begin(record.key.tenant, record.created) + text_of(record.key.hash) + record.key.device;
}

std::string times_begin(std::uint32_t tenant, std::optional<std::int64_t> newest) {
  return head(tenant, kTime) + (newest ? newest_first(*newest) : std::string());
}

std::string device_row(const BlobRecord& record) {
  return devices_begin(record.key.tenant, record.key.device, record.created) + text_of(record.key.hash);
}

std::string devices_begin(std::uint32_t tenant, std::string_view device, std::optional<std::int64_t> newest) {
  std::string row = head(tenant, kDevice);
  row.append(device).push_back('\0');
  return row + (newest ? newest_first(*newest) : std::string());
}

std::string expiry_row(const BlobRecord& record) {
  return expiries_begin() + big_endian(static_cast<std::uint64_t>(record.expires)) +
         big_endian(record.key.tenant) + text_of(record.key.hash) + record.key.device;
}

std::string expiries_begin() {
  return head(kAllTenants, kExpiry);
}

std::string expiries_end(std::int64_t now) {
  return expiries_begin() + big_endian(static_cast<std::uint64_t>(now) + 1);
}

std::string usage_row(std::uint32_t tenant) {
  return usages_begin() + big_endian(tenant);
}

std::string usages_begin() {
  return head(kAllTenants, kUsage);
}

std::string total_row() {
  return head(kAllTenants, kTotal);
}

std::string rows_end(std::string prefix) {
  while (!prefix.empty() && static_cast<std::uint8_t>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<std::uint8_t>(prefix.back()) + 1);
  return prefix;
}

std::optional<BlobPlace> place_of_record(std::string_view row) {
  if (!is_of(row, kRecord) || row.size() < kHead + kHashBytes) return std::nullopt;
  const std::string_view rest = row.substr(kHead);
  return BlobPlace{{read_big_endian<std::uint32_t>(row), hash_of(rest), std::string(rest.substr(kHashBytes))},
                   0};
}

std::optional<BlobPlace> place_of_time(std::string_view row) {
  if (!is_of(row, kTime) || row.size() < kHead + 8 + kHashBytes) return std::nullopt;
  const std::string_view rest = row.substr(kHead);
  return BlobPlace{{read_big_endian<std::uint32_t>(row), hash_of(rest.substr(8)),
                    std::string(rest.substr(8 + kHashBytes))},
                   read_newest_first(rest)};
}

std::optional<BlobPlace> place_of_device(std::string_view row) {
  const std::size_t tail = 1 + 8 + kHashBytes;
  if (!is_of(row, kDevice) || row.size() < kHead + tail) return std::nullopt;
  const std::string_view device = row.substr(kHead, row.size() - kHead - tail);
  if (row[kHead + device.size()] != '\0') return std::nullopt;
  const std::string_view rest = row.substr(row.size() - 8 - kHashBytes);
  return BlobPlace{{read_big_endian<std::uint32_t>(row), hash_of(rest.substr(8)), std::string(device)},
                   read_newest_first(rest)};
}

std::optional<BlobPlace> place_of_expiry(std::string_view row) {
  if (!is_of(row, kExpiry) || row.size() < kHead + 8 + 4 + kHashBytes) return std::nullopt;
  const std::string_view rest = row.substr(kHead);
  return BlobPlace{{read_big_endian<std::uint32_t>(rest.substr(8)), hash_of(rest.substr(12)),
                    std::string(rest.substr(12 + kHashBytes))},
                   static_cast<std::int64_t>(read_big_endian<std::uint64_t>(rest))};
}

std::optional<BlobHash> hash_of_content(std::string_view row) {
  if (!is_of(row, kContent) || row.size() != kHead + kHashBytes) return std::nullopt;
  return hash_of(row.substr(kHead));
}

std::optional<std::uint32_t> tenant_of_usage(std::string_view row) {
  if (!is_of(row, kUsage) || row.size() != kHead + 4) return std::nullopt;
  return read_big_endian<std::uint32_t>(row.substr(kHead));
}

}  // namespace dunlin::store
