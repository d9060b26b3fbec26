// Changes of the authorities while the server runs.
#include <algorithm>
#include <utility>

#include "security/pki.h"

namespace dunlin::security {

/// Issues from now on.
IssuerStatus Pki::put_first(const IssuerRef& issuer) {
  const std::lock_guard lock(mutex_);
  std::erase(set_.issuers, issuer);
  set_.issuers.insert(set_.issuers.begin(), issuer);
  return status_of(*issuer, IssuerStatus::Use::issuing);
}

Result<IssuerStatus> Pki::rotate() {
  const std::lock_guard change(changes_);
  DUNLIN_TRY(const IssuerRef made, files_.make_intermediate(set()));
  DUNLIN_CHECK(files_.set_issuing(*made));
  return put_first(made);
}

Result<IssuerStatus> Pki::use_issuer(std::string_view id) {
  const std::lock_guard change(changes_);
  DUNLIN_TRY(const IssuerRef issuer, find(id));
  DUNLIN_CHECK(files_.set_issuing(*issuer));
  return put_first(issuer);
}

Result<std::string> Pki::request_intermediate() {
  const std::lock_guard change(changes_);
  return files_.request_pem();
}

Result<IssuerStatus> Pki::import_intermediate(std::string_view chain_pem, Import what) {
  const std::lock_guard change(changes_);
  DUNLIN_TRY(const IssuerRef made, files_.import_intermediate(set(), chain_pem));
  if (what == Import::issues) {
    DUNLIN_CHECK(files_.set_issuing(*made));
    return put_first(made);
  }
  const std::lock_guard lock(mutex_);
  set_.issuers.push_back(made);
  return status_of(*made, IssuerStatus::Use::trusted);
}

Result<void> Pki::check_may_forget(std::string_view id) const {
  DUNLIN_TRY(const IssuerRef issuer, find(id));
  if (set().issuers.front() != issuer) return {};
  return fail(Errc::conflict, "it is the intermediate that issues: let another one issue first");
}

Result<IssuerStatus> Pki::forget_issuer(std::string_view id, std::optional<RevocationReason> revoke) {
  const std::lock_guard change(changes_);
  DUNLIN_CHECK(check_may_forget(id));
  DUNLIN_TRY(const IssuerRef issuer, find(id));
  DUNLIN_CHECK(files_.check_may_forget(set(), *issuer));
  // The world is told first: after a crash in between it is trusted here until it is forgotten again.
  if (revoke) DUNLIN_CHECK(revoke_issuer(*issuer, *revoke));
  DUNLIN_CHECK(files_.forget(set(), *issuer));
  // The files have decided which root stands in root.pem now.
  DUNLIN_TRY(IssuerSet rest, files_.load());
  const std::lock_guard lock(mutex_);
  set_ = std::move(rest);
  return status_of(*issuer, IssuerStatus::Use::trusted);
}

Result<std::string> Pki::export_root_key(std::string_view passphrase) const {
  const std::lock_guard change(changes_);
  return files_.export_root_key(passphrase);
}

Result<void> Pki::remove_root_key(std::string_view exported, std::string_view passphrase) {
  const std::lock_guard change(changes_);
  DUNLIN_CHECK(files_.remove_root_key(exported, passphrase, [this] {
    // Its last list lasts until somebody has found the time to sign the next one elsewhere.
    return sign_root_list(kLastRootListLifetime);
  }));
  return {};
}

}  // namespace dunlin::security
