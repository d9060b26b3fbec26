#include "security/vault_record.h"

#include <boost/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "security/audit.h"
#include "security/crypto.h"
#include "security/limits.h"
#include "security/records.h"
#include "security/vault.h"

namespace dunlin::security {
namespace {

constexpr std::string_view kSetting = "vault.state";

std::string body_of(const VaultState& state) {
  return boost::json::serialize(
      boost::json::object{{"opened_by", state.opened_by}, {"document", state.document}});
}

void write_state(VaultRecordParts parts, const VaultState& state, TenantId tenant, std::uint64_t version) {
  std::vector<store::Change> changes;
  changes.push_back(audit_change(tenant, parts.clock.wall_now(),
                                 {.actor = "system",
                                  .action = "vault.change",
                                  .object = "vault",
                                  .detail = "the keys on the disk are protected by " + state.opened_by}));
  changes.push_back(
      put_change(store::DocumentKind::setting, tenant,
                 {.id = std::string(kSetting), .version = 0, .body = body_of(state), .index = {}}, version));
  parts.repository.write(parts.executor, std::move(changes), [](const auto& written) {
    if (!written)
      log::error("security", "an audit record was not written", {{"why", written.error().message}});
  });
}

}  // namespace

Result<VaultState> vault_state(Fs& fs, const std::string& folder) {
  if (!Vault::exists(fs, folder)) return VaultState{};
  DUNLIN_TRY(const std::string text, read_file(fs, folder + "/" + std::string(kVaultFile), kMaxVaultBytes));
  DUNLIN_TRY(const VaultDocument document, vault_document_of(text));
  const bool by_key = document.kind == VaultDocument::Kind::key;
  return VaultState{by_key ? "key" : "passphrase", sha256_hex(as_bytes(text))};
}

void record_vault_state(VaultRecordParts parts, VaultState state, TenantId tenant) {
  parts.metrics
      .gauge("dunlin_vault_protected", "Whether the keys on the disk are encrypted: 1, or 0 in the clear")
      .set(state.document.empty() ? 0 : 1);
  parts.repository.get(
      parts.executor, store::DocumentKind::setting, tenant.value, std::string(kSetting),
      [parts, state = std::move(state), tenant](Result<std::optional<store::Document>> found) {
        if (!found) return;  // the next start comes
        // An installation that never had a vault has nothing to tell.
        if (!*found && state.document.empty()) return;
        if (*found && (*found)->body == body_of(state)) return;
        write_state(parts, state, tenant, *found ? (*found)->version : 0);
      });
}

}  // namespace dunlin::security
