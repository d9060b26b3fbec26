#include "security/issuer_files.h"

#include <algorithm>
#include <array>

#include "base/hex.h"
#include "security/crypto.h"
#include "security/enrolment_formats.h"
#include "security/limits.h"
#include "security/root_lists.h"

namespace dunlin::security {
namespace {

using Kind = CertificateProfile::Kind;

const std::string kRoot = "root";
const std::string kFirst = "intermediate";
const std::string kIssuers = "issuers";
const std::string kIssuing = "issuing";
const std::string kForgotten = "forgotten";
const std::string kRequestKey = "request.key";

/// The certificates of a text, each alone and in one spelling. Errors: malformed, limit_exceeded.
Result<std::vector<std::string>> split(std::string_view pem) {
  DUNLIN_TRY(const auto ders, certificates_from_pem(pem));
  std::vector<std::string> parts;
  for (const std::string& der : ders) parts.push_back(certificate_pem(as_bytes(der)));
  return parts;
}

Result<CertificateInfo> info_of(std::string_view pem) {
  DUNLIN_TRY(const auto ders, certificates_from_pem(pem));
  return parse_certificate(as_bytes(ders.front()));
}

/// `chain_pem`: the certificate, then its root if it is not `root_pem`. Errors: malformed.
Result<IssuerRef> make_issuer(std::string_view chain_pem, const std::string& key_pem,
                              const std::string& root_pem) {
  DUNLIN_TRY(const auto parts, split(chain_pem));
  auto issuer = std::make_shared<Issuer>();  // shared: see IssuerRef
  issuer->certificate_pem = parts.front();
  issuer->key_pem = key_pem;
  issuer->root_pem = parts.size() > 1 ? parts[1] : root_pem;
  DUNLIN_TRY(issuer->info, info_of(issuer->certificate_pem));
  DUNLIN_TRY(issuer->root, info_of(issuer->root_pem));
  issuer->id = issuer->info.key_id;
  if (issuer->id.empty()) return fail(Errc::malformed, "the certificate has no key identifier");
  return issuer;
}

Result<void> check_limits(const IssuerSet& present) {
  if (present.issuers.size() < kMaxIssuers) return {};
  return fail(Errc::limit_exceeded,
              "there are " + std::to_string(kMaxIssuers) + " intermediates already: forget one first");
}

}  // namespace

Issuer::~Issuer() {
  wipe(key_pem);
}

IssuerRef IssuerSet::find(std::string_view id) const {
  const auto found = std::ranges::find_if(issuers, [&](const IssuerRef& one) { return one->id == id; });
  return found == issuers.end() ? nullptr : *found;
}

std::vector<std::string> IssuerSet::roots() const {
  std::vector<std::string> all;
  for (const IssuerRef& issuer : issuers) {
    if (std::ranges::find(all, issuer->root_pem) == all.end()) all.push_back(issuer->root_pem);
  }
  return all;
}

StatusUrls status_urls_at(const std::string& public_url, const std::string& id) {
  if (public_url.empty()) return {};
  const std::string base = public_url + "/pki/" + id;
  return {.crl = base + ".crl", .ocsp = {}, .issuer = base + ".crt"};
}

CertificateProfile new_profile(Kind kind, std::string common_name, Duration lifetime, WallTime now,
                               Rng& rng) {
  CertificateProfile profile;
  profile.kind = kind;
  profile.common_name = std::move(common_name);
  profile.not_before = now - kBackdate;
  profile.not_after = now + lifetime;
  rng.fill(profile.serial);
  return profile;
}

Result<IssuerSet> IssuerFiles::load() {
  IssuerSet set;
  DUNLIN_TRY(set.root_pem, load_root());
  DUNLIN_CHECK(load_first(set));
  DUNLIN_CHECK(load_later(set));
  DUNLIN_CHECK(put_issuing_first(set));
  DUNLIN_CHECK(drop_used_request(set));
  DUNLIN_CHECK(adopt_root(set));
  return set;
}

Result<std::string> IssuerFiles::load_root() {
  if (!fs_.exists(path("root.pem"))) {
    // The certificate is written last: without it, a key found here has never signed anything.
    for (const std::string& file : {kFirst + ".pem", kIssuing}) {
      if (fs_.exists(path(file)))
        return fail(Errc::corrupt,
                    path("root.pem") + " is missing though " + file + " is there: restore it from a backup");
    }
    CertificateProfile profile =
        new_profile(Kind::root, organisation_ + " Root CA", kRootLifetime, clock_.wall_now(), rng_);
    DUNLIN_TRY(const Pair made, make_authority(std::move(profile), {}));
    DUNLIN_CHECK(write_pair(kRoot, made));
    return made.certificate_pem;
  }
  DUNLIN_TRY(Pair pair, read_pair(kRoot));
  wipe(pair.key_pem);
  return std::move(pair.certificate_pem);
}

Result<void> IssuerFiles::load_first(IssuerSet& set) {
  if (fs_.exists(path(kForgotten))) return remove_first();
  if (!fs_.exists(path(kFirst + ".pem"))) {
    if (fs_.exists(path(kIssuing)))
      return fail(Errc::corrupt, path(kFirst + ".pem") + " is missing: restore it from a backup");
    DUNLIN_CHECK(make_first());
  }
  DUNLIN_TRY(const Pair pair, read_pair(kFirst));
  if (pair.key_pem.empty())
    return fail(Errc::corrupt, path(kFirst + ".key") + " is missing: restore it from a backup");
  const auto first = make_issuer(pair.certificate_pem, pair.key_pem, set.root_pem);
  if (!first) return fail(Errc::corrupt, path(kFirst + ".pem") + ": " + first.error().message);
  set.issuers.push_back(*first);
  return {};
}

Result<void> IssuerFiles::make_first() {
  DUNLIN_TRY(const Pair root, read_pair(kRoot));
  if (root.key_pem.empty())
    return fail(Errc::corrupt,
                path("root.key") + " is needed to make the intermediate authority and is missing");
  CertificateProfile profile = new_profile(Kind::intermediate, organisation_ + " Issuing CA",
                                           kIntermediateLifetime, clock_.wall_now(), rng_);
  DUNLIN_TRY(const Pair made, make_authority(std::move(profile), root));
  return write_pair(kFirst, made);
}

/// What is left of it after it was forgotten.
Result<void> IssuerFiles::remove_first() {
  for (const char* end : {".pem", ".key"}) {
    if (fs_.exists(path(kFirst + end))) DUNLIN_CHECK(fs_.remove(path(kFirst + end)));
  }
  return fs_.sync_folder(folder_);
}

Result<void> IssuerFiles::load_later(IssuerSet& set) {
  if (!fs_.exists(path(kIssuers))) return {};
  DUNLIN_TRY(const auto files, fs_.list(path(kIssuers)));
  for (const std::string& file : files) {
    if (!file.ends_with(".pem")) continue;
    DUNLIN_TRY(const Pair pair, read_later(kIssuers + "/" + file));
    const auto issuer = make_issuer(pair.certificate_pem, pair.key_pem, set.root_pem);
    if (!issuer) return fail(Errc::corrupt, path(kIssuers + "/" + file) + ": " + issuer.error().message);
    set.issuers.push_back(*issuer);
  }
  return {};
}

Result<void> IssuerFiles::put_issuing_first(IssuerSet& set) const {
  DUNLIN_TRY(std::string id, read_text(kIssuing));
  while (id.ends_with('\n')) id.pop_back();
  if (id.empty()) return {};
  const auto found = std::ranges::find_if(set.issuers, [&](const IssuerRef& one) { return one->id == id; });
  if (found == set.issuers.end())
    return fail(Errc::corrupt, path(kIssuing) + " names the intermediate " + id +
                                   ", whose files are missing: restore them from a backup");
  std::rotate(set.issuers.begin(), found, found + 1);
  return {};
}

Result<void> IssuerFiles::drop_used_request(const IssuerSet& set) {
  DUNLIN_TRY(std::string key, read_text(kRequestKey));
  const bool used = !key.empty() && std::ranges::any_of(set.issuers, [&](const IssuerRef& issuer) {
    return check_key_belongs(key, issuer->certificate_pem).has_value();
  });
  wipe(key);
  return used ? fs_.remove(path(kRequestKey)) : Result<void>{};
}

/// Once no intermediate is below root.pem, and its key is not here, the present one's root takes its place.
Result<void> IssuerFiles::adopt_root(IssuerSet& set) {
  const bool in_use = std::ranges::any_of(
      set.issuers, [&](const IssuerRef& issuer) { return issuer->root_pem == set.root_pem; });
  if (in_use || !root_is_offline()) return {};
  DUNLIN_CHECK(write_file_atomically(fs_, path("root.pem"), as_bytes(set.issuing().root_pem)));
  set.root_pem = set.issuing().root_pem;
  return {};
}

Result<std::string> IssuerFiles::read_text(const std::string& file) const {
  if (!fs_.exists(path(file))) return std::string();
  return secrets_.read(path(file), kMaxPemFileBytes);
}

Result<IssuerFiles::Pair> IssuerFiles::read_pair(const std::string& stem) const {
  Pair pair;
  DUNLIN_TRY(pair.certificate_pem, read_text(stem + ".pem"));
  DUNLIN_TRY(pair.key_pem, read_text(stem + ".key"));
  const auto parts = split(pair.certificate_pem);
  if (!parts) return fail(Errc::corrupt, path(stem + ".pem") + ": " + parts.error().message);
  const auto info = info_of(pair.certificate_pem);
  if (!info) return fail(Errc::corrupt, path(stem + ".pem") + ": " + info.error().message);
  if (info->role != CertificateInfo::Role::authority)
    return fail(Errc::corrupt, path(stem + ".pem") + " is no certificate of an authority");
  pair.certificate_pem.clear();
  for (const std::string& part : *parts) pair.certificate_pem += part;
  if (pair.key_pem.empty()) return pair;
  DUNLIN_CHECK(check_key_of(stem + ".key", pair));
  return pair;
}

Result<IssuerFiles::Pair> IssuerFiles::read_later(const std::string& file) const {
  DUNLIN_TRY(const std::string text, read_text(file));
  Pair pair{.certificate_pem = text, .key_pem = text};
  DUNLIN_CHECK(check_key_of(file, pair));
  return pair;
}

Result<void> IssuerFiles::check_key_of(const std::string& file, const Pair& pair) const {
  const auto belongs = check_key_belongs(pair.key_pem, pair.certificate_pem);
  if (belongs) return {};
  // A token that is not there now is no damage.
  const Errc code = is_in_token(pair.key_pem) ? belongs.error().code : Errc::corrupt;
  return fail(code, path(file) + ": " + belongs.error().message);
}

/// Durable as a whole.
Result<IssuerRef> IssuerFiles::write_later(std::string_view id, const Pair& pair) {
  const std::string file = path(kIssuers + "/" + std::string(id) + ".pem");
  DUNLIN_CHECK(fs_.create_folders(parent_folder(file)));
  DUNLIN_CHECK(secrets_.write(file, pair.key_pem, pair.certificate_pem));
  return make_issuer(pair.certificate_pem, pair.key_pem, {});
}

Result<void> IssuerFiles::write_pair(const std::string& stem, const Pair& pair) {
  DUNLIN_CHECK(secrets_.write(path(stem + ".key"), pair.key_pem));
  return write_file_atomically(fs_, path(stem + ".pem"), as_bytes(pair.certificate_pem));
}

/// `issuer`: empty for a root.
Result<IssuerFiles::Pair> IssuerFiles::make_authority(CertificateProfile profile, const Pair& issuer) const {
  profile.organisation = organisation_;
  Pair made;
  DUNLIN_TRY(made.key_pem, make_key(keeping_, profile.kind == Kind::root ? "root" : "intermediate", rng_));
  DUNLIN_TRY(const std::string public_key, public_key_of(made.key_pem));
  if (!issuer.certificate_pem.empty()) {
    DUNLIN_TRY(const CertificateInfo above, info_of(issuer.certificate_pem));
    profile.not_after = std::min(profile.not_after, above.not_after);
    profile.status = status_urls_at(public_url_, root_id(above));
  }
  const std::string& signing = issuer.key_pem.empty() ? made.key_pem : issuer.key_pem;
  DUNLIN_TRY(made.certificate_pem,
             sign_certificate(profile, public_key, Signer{signing, issuer.certificate_pem}));
  return made;
}

Result<IssuerRef> IssuerFiles::make_intermediate(const IssuerSet& present) {
  DUNLIN_CHECK(check_limits(present));
  DUNLIN_TRY(const Pair root, read_pair(kRoot));
  if (root.key_pem.empty())
    return fail(Errc::unavailable,
                "the root's key is not here: make a request, have it signed where the key is, and import it");
  std::array<std::uint8_t, 4> number{};
  rng_.fill(number);
  CertificateProfile profile =
      new_profile(Kind::intermediate, organisation_ + " Issuing CA " + to_hex(number), kIntermediateLifetime,
                  clock_.wall_now(), rng_);
  DUNLIN_TRY(const Pair made, make_authority(std::move(profile), root));
  DUNLIN_TRY(const CertificateInfo info, info_of(made.certificate_pem));
  // Its root stands with it, so that it keeps it when another takes the place of root.pem.
  return write_later(info.key_id, {made.certificate_pem + root.certificate_pem, made.key_pem});
}

Result<std::string> IssuerFiles::request_pem() {
  DUNLIN_TRY(std::string key, read_text(kRequestKey));
  if (key.empty()) {
    DUNLIN_TRY(key, make_key(keeping_, "intermediate", rng_));
    DUNLIN_CHECK(secrets_.write(path(kRequestKey), key));
  }
  DUNLIN_TRY(const std::string public_key, public_key_of(key));
  const std::string number = sha256_hex(as_bytes(public_key)).substr(0, 8);
  return make_csr_pem(key, organisation_ + " Issuing CA " + number);
}

Result<IssuerRef> IssuerFiles::import_intermediate(const IssuerSet& present, std::string_view chain_pem) {
  DUNLIN_CHECK(check_limits(present));
  DUNLIN_TRY(const std::string key, read_text(kRequestKey));
  if (key.empty()) return fail(Errc::not_found, "no request waits for a certificate: make one first");
  DUNLIN_TRY(const auto parts, split(chain_pem));
  if (parts.size() > 2)
    return fail(Errc::invalid_argument, "send the intermediate's certificate, and at most its root's");
  std::vector<std::string> roots = present.roots();
  if (std::ranges::find(roots, present.root_pem) == roots.end()) roots.push_back(present.root_pem);
  if (parts.size() == 2) {
    const bool known = std::ranges::find(roots, parts[1]) != roots.end();
    if (!known && roots.size() >= kMaxRoots)
      return fail(Errc::limit_exceeded, "there are too many roots already: forget an intermediate first");
    roots = {parts[1]};
  }
  Result<CertificateInfo> info = fail(Errc::not_found, "");
  std::string root;
  for (std::size_t i = 0; i < roots.size() && !info; ++i) {
    root = roots[i];
    info = check_intermediate({parts[0], root, key, clock_.wall_now()});
  }
  if (!info) return std::unexpected(info.error());
  DUNLIN_TRY(IssuerRef imported, write_later(info->key_id, {parts[0] + root, key}));
  DUNLIN_CHECK(fs_.remove(path(kRequestKey)));
  return imported;
}

Result<void> IssuerFiles::set_issuing(const Issuer& issuer) {
  return write_file_atomically(fs_, path(kIssuing), as_bytes(issuer.id + "\n"));
}

Result<void> IssuerFiles::check_may_forget(const IssuerSet& present, const Issuer& issuer) const {
  const auto of_root = std::ranges::count_if(
      present.issuers, [&](const IssuerRef& one) { return one->root_pem == issuer.root_pem; });
  if (of_root > 1 || issuer.root_pem != present.root_pem || root_is_offline()) return {};
  return fail(Errc::conflict,
              "it is the last intermediate of the root whose key is here: export and remove that key first");
}

Result<void> IssuerFiles::forget(const IssuerSet& present, const Issuer& issuer) {
  DUNLIN_CHECK(check_may_forget(present, issuer));
  IssuerSet rest = present;
  std::erase_if(rest.issuers, [&](const IssuerRef& one) { return one->id == issuer.id; });
  const std::string file = path(kIssuers + "/" + issuer.id + ".pem");
  if (fs_.exists(file)) {
    DUNLIN_CHECK(fs_.remove(file));
    DUNLIN_CHECK(fs_.sync_folder(parent_folder(file)));
  } else {
    // Two files: a crash between them must not look like one that was lost.
    DUNLIN_CHECK(write_file_atomically(fs_, path(kForgotten), as_bytes(issuer.id + "\n")));
    DUNLIN_CHECK(remove_first());
  }
  return adopt_root(rest);
}

Result<std::string> IssuerFiles::sign_root_list(const CrlProfile& profile) const {
  DUNLIN_TRY(Pair root, read_pair(kRoot));
  if (root.key_pem.empty()) return fail(Errc::unavailable, "the root's key is not here: it is offline");
  auto signed_list = sign_crl(profile, Signer{root.key_pem, root.certificate_pem});
  wipe(root.key_pem);
  return signed_list;
}

Result<std::string> IssuerFiles::export_root_key(std::string_view passphrase) const {
  if (passphrase.size() < kMinPasswordBytes || passphrase.size() > kMaxPasswordBytes)
    return fail(Errc::invalid_argument, "a passphrase has 12 to 1024 bytes");
  DUNLIN_TRY(std::string key, read_text(kRoot + ".key"));
  if (key.empty()) return fail(Errc::unavailable, "the root's key is not here: it is offline already");
  if (is_in_token(key))
    return fail(
        Errc::unsupported,
        "the root's key is in a PKCS#11 token, which gives it out to nobody: stop the server, remove " +
            path(kRoot + ".key") + ", and take the token away");
  auto encrypted = encrypt_private_key(key, passphrase);
  wipe(key);
  return encrypted;
}

Result<void> IssuerFiles::remove_root_key(std::string_view exported, std::string_view passphrase,
                                          const std::function<Result<void>()>& before) {
  if (root_is_offline()) return fail(Errc::unavailable, "the root's key is not here: it is offline already");
  DUNLIN_TRY(std::string key, decrypt_private_key(exported, passphrase));
  DUNLIN_TRY(const std::string root, read_text(kRoot + ".pem"));
  const auto belongs = check_key_belongs(key, root);
  wipe(key);
  if (!belongs) return fail(Errc::permission_denied, "what was sent is not the root's key");
  DUNLIN_CHECK(before());
  DUNLIN_CHECK(fs_.remove(path(kRoot + ".key")));
  return fs_.sync_folder(folder_);
}

}  // namespace dunlin::security
