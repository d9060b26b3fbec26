// The roots, and their revocation lists.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "security/pki.h"

namespace dunlin::security {
namespace {

Result<CertificateInfo> info_of(std::string_view pem) {
  DUNLIN_TRY(const auto ders, certificates_from_pem(pem));
  return parse_certificate(as_bytes(ders.front()));
}

}  // namespace

/// The root above what issues first; root.pem's, too, where nothing is below it.
std::vector<std::string> Pki::root_pems() const {
  const IssuerSet present = set();
  std::vector<std::string> all = present.roots();
  if (std::ranges::find(all, present.root_pem) == all.end()) all.push_back(present.root_pem);
  return all;
}

Result<void> Pki::load_root_lists() {
  DUNLIN_CHECK(root_lists_.load());
  for (const std::string& root : root_pems()) {
    DUNLIN_TRY(const CertificateInfo info, info_of(root));
    DUNLIN_CHECK(root_lists_.load_list(root_id(info), root));
  }
  DUNLIN_CHECK(renew_root_list_if_due());
  return {};
}

RootStatus Pki::root_status(const std::string& pem) const {
  RootStatus status;
  status.certificate_pem = pem;
  // All of them have been read before.
  status.info = info_of(pem).value_or(CertificateInfo{});
  status.id = root_id(status.info);
  const std::lock_guard lock(mutex_);
  const bool here = pem == set_.root_pem && !files_.root_is_offline();
  status.key = here ? RootStatus::Key::here : RootStatus::Key::offline;
  status.state = root_lists_.state(status.id, clock_.wall_now());
  status.list = root_lists_.list(status.id);
  status.revoked = root_lists_.revoked(status.id);
  return status;
}

std::vector<RootStatus> Pki::roots() const {
  std::vector<RootStatus> all;
  for (const std::string& root : root_pems()) all.push_back(root_status(root));
  return all;
}

RootListRef Pki::root_list(std::string_view root) const {
  const std::lock_guard lock(mutex_);
  return root_lists_.list(std::string(root));
}

/// Of root.pem's root; under changes_.
Result<void> Pki::sign_root_list(Duration lifetime) {
  const std::string root = set().root_pem;
  const std::string id = root_status(root).id;
  const CrlProfile profile = root_lists_.next(id, clock_.wall_now(), lifetime);
  DUNLIN_TRY(const std::string der, files_.sign_root_list(profile));
  DUNLIN_TRY(SignedList list, check_crl(der, root));
  const std::lock_guard lock(mutex_);
  return root_lists_.keep(id, std::move(list));
}

Result<Renewal> Pki::renew_root_list_if_due() {
  const std::lock_guard change(changes_);
  const RootStatus root = root_status(set().root_pem);
  if (root.key == RootStatus::Key::offline || root.state == RootListState::current) return Renewal::not_due;
  DUNLIN_CHECK(sign_root_list(kRootListLifetime));
  return Renewal::renewed;
}

/// Under changes_.
Result<void> Pki::revoke_issuer(const Issuer& issuer, RevocationReason reason) {
  const RevokedIssuer revoked{.root = root_id(issuer.root),
                              .issuer = issuer.id,
                              .serial = issuer.info.serial,
                              .reason = reason,
                              .at = clock_.wall_now(),
                              .not_after = issuer.info.not_after};
  {
    const std::lock_guard lock(mutex_);
    DUNLIN_CHECK(root_lists_.add(revoked));
  }
  const RootStatus root = root_status(issuer.root_pem);
  return root.key == RootStatus::Key::here ? sign_root_list(kRootListLifetime) : Result<void>{};
}

Result<RootStatus> Pki::import_root_list(std::string_view text) {
  const std::lock_guard change(changes_);
  Result<SignedList> list = fail(Errc::permission_denied, "");
  std::string pem;
  for (const std::string& root : root_pems()) {
    list = check_crl(text, root);
    pem = root;
    if (list || list.error().code != Errc::permission_denied) break;
  }
  if (!list) return std::unexpected(list.error());
  const RootStatus root = root_status(pem);
  if (root.key == RootStatus::Key::here)
    return fail(Errc::conflict, "this root's key is here, and its list is signed by itself");
  for (const IssuerRef& issuer : set().issuers) {
    const bool is_on = std::ranges::find(list->serials, issuer->info.serial) != list->serials.end();
    if (is_on && issuer->root_pem == pem)
      return fail(Errc::conflict, "the list revokes the intermediate " + issuer->id +
                                      ", which is trusted here: forget it first (ca forget, with revoke)");
  }
  DUNLIN_CHECK(root_lists_.check_successor(root.id, *list, clock_.wall_now()));
  {
    const std::lock_guard lock(mutex_);
    DUNLIN_CHECK(root_lists_.keep(root.id, *std::move(list)));
  }
  return root_status(pem);
}

void warn_of_root_lists(const Pki& pki) {
  for (const RootStatus& root : pki.roots()) {
    if (root.state == RootListState::current || root.state == RootListState::ends_soon) continue;
    log::warning("security", "the revocation list of a root has to be mended",
                 {{"root", root.info.common_name},
                  {"list", root_list_state_name(root.state)},
                  {"mend", "sign it where the root's key is, and import it (ca import-list)"}});
  }
}

}  // namespace dunlin::security
