#pragma once
// Keys are protected while no server runs, so nobody can record it then: the next start does.

#include <string>

#include "base/clock.h"
#include "base/executor.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "base/result.h"
#include "hub/principal.h"
#include "store/repository.h"

namespace dunlin::security {

/// How the keys of a data folder are protected.
struct VaultState {
  std::string opened_by = "nothing";  // "passphrase" or "key" where there is a vault
  std::string document;               // SHA-256 of DIR/vault.json, hexadecimal; empty: there is none
};
/// Blocks. Errors: io, corrupt.
Result<VaultState> vault_state(Fs& fs, const std::string& folder);

/// One executor's thread; the parts must outlive what is under way.
struct VaultRecordParts {
  Executor& executor;
  store::Repository& repository;
  const Clock& clock;
  metrics::Registry& metrics;
};
/// Sets dunlin_vault_protected, and where the state is not the one of the last start writes the audit record
/// vault.change and the setting `vault.state`, in one write.
void record_vault_state(VaultRecordParts parts, VaultState state, TenantId tenant = kDefaultTenant);

}  // namespace dunlin::security
