#pragma once
// The configuration of large binaries.

#include <cstdint>
#include <string>

#include "base/config.h"
#include "service/blob/keep_rules.h"
#include "store/blob/blob_store.h"

namespace dunlin::platform {

struct BlobSettings {
  store::BlobOptions limits{};
  std::int64_t max_tenant_blobs = 1'000'000;
  blob::KeepRules keep{};
};

/// `settings` must outlive the schema.
void declare_keys(config::Schema& schema, BlobSettings& settings);
/// For the store of a data folder.
store::BlobOptions blob_options(const BlobSettings& settings, const std::string& data_folder);

}  // namespace dunlin::platform
