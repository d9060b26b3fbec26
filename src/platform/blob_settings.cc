#include "platform/blob_settings.h"

#include <memory>

#include "service/blob/limits.h"

namespace dunlin::platform {
namespace {

constexpr std::uint64_t kLargestBlob = 1ULL << 40;
constexpr std::uint64_t kLargestQuota = 1ULL << 50;

}  // namespace

void declare_keys(config::Schema& schema, BlobSettings& settings) {
  schema.bytes("blobs.max_bytes", "Largest blob (docs/guide/blobs.md).", settings.limits.max_blob_bytes, 1,
               kLargestBlob);
  schema.bytes("blobs.max_tenant_bytes", "Blobs of a tenant together; each holder counts.",
               settings.limits.max_tenant_bytes, 1, kLargestQuota);
  schema.key("blobs.max_tenant_blobs", "How many blobs a tenant may have.", settings.max_tenant_blobs, 1,
             100'000'000);
  schema.bytes("blobs.keep_free", "So much of the disk blobs leave to others.",
               settings.limits.keep_free_bytes, 0, kLargestQuota);
  schema.key("blobs.keep",
             "How long a blob is kept whose sender does not say, and for which no rule is; 0s: for ever.",
             settings.keep.otherwise, Duration{}, blob::kLongestKeep);
  schema.table_array(
      "blobs.rule", "How long blobs of a media type or a device are kept.",
      [&settings](config::Schema& row) -> std::function<Result<void>()> {
        auto read = std::make_shared<blob::KeepRule>();  // shared with the function behind the keys
        row.key("media_type", "image/jpeg; with a * at its end: those that begin so.", read->media_type);
        row.key("device", "Of this device; with a * at its end: of those that begin so.", read->device);
        row.key("keep", "How long; 0s: for ever.", read->keep, Duration{}, blob::kLongestKeep);
        return [&settings, read]() -> Result<void> {
          settings.keep.rules.push_back(*read);
          return blob::check(settings.keep);
        };
      });
}

store::BlobOptions blob_options(const BlobSettings& settings, const std::string& data_folder) {
  store::BlobOptions options = settings.limits;
  options.folder = data_folder + "/blobs";
  options.max_tenant_blobs = static_cast<std::uint64_t>(settings.max_tenant_blobs);
  return options;
}

}  // namespace dunlin::platform
