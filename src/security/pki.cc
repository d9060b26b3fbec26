#include "security/pki.h"

#include <algorithm>
#include <utility>

#include "security/crypto.h"
#include "security/names.h"

namespace dunlin::security {
namespace {

Result<std::string> read_text(const SecretFiles& files, const std::string& path) {
  if (!files.fs().exists(path)) return std::string();
  return files.read(path, kMaxPemFileBytes);
}

Result<CertificateInfo> info_of(std::string_view pem) {
  DUNLIN_TRY(const auto ders, certificates_from_pem(pem));
  return parse_certificate(as_bytes(ders.front()));
}

bool is_host_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  };
  return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, allowed);
}

void add_once(std::vector<std::string>& list, const std::string& value) {
  if (std::ranges::find(list, value) == list.end()) list.push_back(value);
}

}  // namespace

Result<void> check_public_url(std::string_view url) {
  if (url.empty()) return {};
  const bool begins_well = url.starts_with("http://") || url.starts_with("https://");
  const std::string_view rest = url.substr(std::min(url.size(), url.find("//") + 2));
  const auto is_odd = [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f ||
           std::string_view("\"<>\\^`{|}?#").contains(c);
  };
  if (begins_well && url.size() <= kMaxPublicUrl && !rest.empty() && !rest.starts_with('/') &&
      !rest.ends_with('/') && std::ranges::none_of(rest, is_odd))
    return {};
  return fail(
      Errc::invalid_argument,
      "\"" + std::string(url) +
          "\" is no address such as http://pki.example.com, of at most 200 characters and without a / "
          "at its end");
}

Pki::Pki(Fs& fs, const Clock& clock, Rng& rng, std::string folder, PkiOptions options)
    : fs_(fs),
      clock_(clock),
      rng_(rng),
      folder_(std::move(folder)),
      options_(std::move(options)),
      secrets_(fs, options_.keys.vault),
      files_(fs, clock, rng, folder_, options_.organisation, options_.public_url, options_.keys),
      root_lists_(fs, folder_) {}

Pki::~Pki() {
  wipe(server_.private_key_pem);
}

Result<std::unique_ptr<Pki>> Pki::open(Fs& fs, const Clock& clock, Rng& rng, std::string data_folder,
                                       PkiOptions options) {
  // The constructor is private: make_unique cannot reach it.
  auto* made = new Pki(fs, clock, rng, data_folder + "/pki", options);  // NOLINT
  std::unique_ptr<Pki> pki(made);
  DUNLIN_CHECK(pki->check_options());
  DUNLIN_CHECK(fs.create_folders(pki->folder_));
  DUNLIN_TRY(pki->set_, pki->files_.load());
  DUNLIN_CHECK(pki->load_root_lists());
  DUNLIN_CHECK(pki->load_server());
  return pki;
}

Result<void> Pki::check_options() {
  add_once(dns_names_, "localhost");
  if (!options_.host_name.empty()) add_once(dns_names_, options_.host_name);
  for (const std::string& name : options_.names) add_once(dns_names_, name);
  for (const char* address : {"127.0.0.1", "::1"}) add_once(addresses_, address);
  for (const std::string& address : options_.addresses) add_once(addresses_, address);
  if (dns_names_.size() + addresses_.size() > kMaxServerNames) {
    return fail(Errc::limit_exceeded,
                "the server may have at most " + std::to_string(kMaxServerNames) + " names");
  }
  for (const std::string& name : dns_names_) {
    if (!is_host_name(name)) return fail(Errc::invalid_argument, "not a host name: " + name);
  }
  return check_public_url(options_.public_url);
}

CertificateProfile Pki::make_profile(CertificateProfile::Kind kind, const std::string& common_name,
                                     Duration lifetime, const Issuer& issuer) const {
  CertificateProfile profile = new_profile(kind, common_name, lifetime, clock_.wall_now(), rng_);
  profile.organisation = options_.organisation;
  profile.not_after = std::min(profile.not_after, issuer.info.not_after);
  profile.status = status_urls(issuer);
  return profile;
}

StatusUrls Pki::status_urls(const Issuer& issuer) const {
  StatusUrls urls = status_urls_at(options_.public_url, issuer.id);
  if (!urls.crl.empty()) urls.ocsp = options_.public_url + "/pki/ocsp";
  return urls;
}

IssuerSet Pki::set() const {
  const std::lock_guard lock(mutex_);
  return set_;
}

Result<IssuerRef> Pki::find(std::string_view id) const {
  IssuerRef found = set().find(id);
  if (!found) return fail(Errc::not_found, "there is no intermediate " + std::string(id));
  return found;
}

std::string Pki::root_pem() const {
  std::string pem;
  for (const std::string& root : set().roots()) pem += root;
  return pem;
}

std::string Pki::client_ca_pem() const {
  std::string pem;
  for (const IssuerRef& issuer : set().issuers) pem += issuer->certificate_pem;
  return pem + root_pem();
}

std::string Pki::issuer_pem(std::string_view id) const {
  const IssuerSet present = set();
  if (const IssuerRef found = present.find(id)) return found->certificate_pem;
  for (const std::string& root : root_pems()) {
    const auto info = info_of(root);
    if (info && root_id(*info) == id) return root;
  }
  return {};
}

IssuerStatus Pki::status_of(const Issuer& issuer, IssuerStatus::Use use) {
  return {issuer.id, issuer.certificate_pem, issuer.info, issuer.root, use};
}

std::vector<IssuerStatus> Pki::issuers() const {
  std::vector<IssuerStatus> all;
  for (const IssuerRef& issuer : set().issuers)
    all.push_back(status_of(*issuer, all.empty() ? IssuerStatus::Use::issuing : IssuerStatus::Use::trusted));
  return all;
}

Result<void> Pki::load_server() {
  ServerIdentity identity;
  DUNLIN_TRY(identity.certificate_chain_pem, read_text(secrets_, path("server.pem")));
  DUNLIN_TRY(identity.private_key_pem, read_text(secrets_, path("server.key")));
  // Key and certificate are two files: after a crash between them, or any other damage, a new pair costs
  // nothing.
  const auto info = info_of(identity.certificate_chain_pem);
  const auto belongs = check_key_belongs(identity.private_key_pem, identity.certificate_chain_pem);
  // But a token that is not there now is no damage.
  if (!belongs && is_in_token(identity.private_key_pem) && belongs.error().code != Errc::invalid_argument)
    return fail(belongs.error().code, path("server.key") + ": " + belongs.error().message);
  const bool usable = info && belongs;
  if (usable) identity.info = *info;
  if (!usable || !is_current(identity)) {
    DUNLIN_TRY(identity, make_server(identity.private_key_pem));
  }
  server_ = std::move(identity);
  return {};
}

bool Pki::is_current(const ServerIdentity& identity) const {
  if (!options_.keys.token.empty() && !is_in_token(identity.private_key_pem)) return false;
  const WallTime now = clock_.wall_now();
  const Duration life = identity.info.not_after - identity.info.not_before;
  if (now < identity.info.not_before || now >= identity.info.not_after - life / 3) return false;
  const auto covers = [&](const std::string& name) {
    return check_covers(identity.certificate_chain_pem, name).has_value();
  };
  if (!std::ranges::all_of(dns_names_, covers) || !std::ranges::all_of(addresses_, covers)) return false;
  const IssuerSet present = set();
  const auto urls = status_urls_of(identity.certificate_chain_pem);
  if (!urls || *urls != status_urls(present.issuing())) return false;
  if (identity.info.issuer_key_id != present.issuing().id) return false;
  const auto ders = certificates_from_pem(identity.certificate_chain_pem);
  return ders && verify(ders->front(), Purpose::server, now).has_value();
}

/// A key in a token stays, since nobody has seen it: a new one each time would fill the token.
Result<ServerIdentity> Pki::make_server(const std::string& present_key) {
  using Kind = CertificateProfile::Kind;
  const IssuerSet present = set();
  const Issuer& issuer = present.issuing();
  const std::string& name = options_.host_name.empty() ? dns_names_.front() : options_.host_name;
  CertificateProfile profile =
      make_profile(Kind::server, name.substr(0, kMaxCommonName), kServerLifetime, issuer);
  profile.dns_names = dns_names_;
  profile.addresses = addresses_;
  ServerIdentity identity;
  if (!options_.keys.token.empty() && is_in_token(present_key)) {
    identity.private_key_pem = present_key;
  } else {
    DUNLIN_TRY(identity.private_key_pem, make_key(options_.keys, "server", rng_));
  }
  DUNLIN_TRY(const std::string public_key, public_key_of(identity.private_key_pem));
  DUNLIN_TRY(const std::string leaf, sign_certificate(profile, public_key, issuer.signer()));
  identity.certificate_chain_pem = leaf + issuer.certificate_pem;
  DUNLIN_TRY(identity.info, info_of(leaf));
  DUNLIN_CHECK(secrets_.write(path("server.key"), identity.private_key_pem));
  DUNLIN_CHECK(write_file_atomically(fs_, path("server.pem"), as_bytes(identity.certificate_chain_pem)));
  return identity;
}

ServerIdentity Pki::server_identity() const {
  const std::lock_guard lock(mutex_);
  return server_;
}

CertificateInfo Pki::server_info() const {
  const std::lock_guard lock(mutex_);
  return server_.info;
}

Result<Renewal> Pki::renew_server_certificate_if_due() {
  const std::lock_guard change(changes_);
  const ServerIdentity present = server_identity();
  if (is_current(present)) return Renewal::not_due;
  DUNLIN_TRY(ServerIdentity identity, make_server(present.private_key_pem));
  const std::lock_guard lock(mutex_);
  wipe(server_.private_key_pem);
  server_ = std::move(identity);
  return Renewal::renewed;
}

Result<IssuedCertificate> Pki::issue_device_certificate(const DeviceCertificateRequest& request) const {
  DUNLIN_CHECK(check_thing_name(request.thing_name));
  if (request.lifetime < kMinDeviceLifetime || request.lifetime > kMaxDeviceLifetime) {
    return fail(Errc::invalid_argument, "a device certificate must live between one minute and three years");
  }
  IssuedCertificate issued;
  std::string public_key;
  if (request.csr_pem.empty()) {
    DUNLIN_TRY(issued.private_key_pem, generate_key_pem());
    DUNLIN_TRY(public_key, public_key_of(issued.private_key_pem));
  } else {
    DUNLIN_TRY(public_key, public_key_of_csr(request.csr_pem));
  }
  const IssuerSet present = set();
  const Issuer& issuer = present.issuing();
  CertificateProfile profile = make_profile(
      CertificateProfile::Kind::device, request.thing_name.size() <= kMaxCommonName ? request.thing_name : "",
      request.lifetime, issuer);
  profile.uri = "urn:dunlin:thing:" + request.thing_name;
  DUNLIN_TRY(issued.certificate_pem, sign_certificate(profile, public_key, issuer.signer()));
  issued.chain_pem = issued.certificate_pem + issuer.certificate_pem;
  DUNLIN_TRY(issued.info, info_of(issued.certificate_pem));
  return issued;
}

Result<void> Pki::verify(std::string_view leaf_der, Purpose purpose, WallTime at) const {
  const IssuerSet present = set();
  std::string intermediates;
  for (const IssuerRef& issuer : present.issuers) intermediates += issuer->certificate_pem;
  std::string roots;
  for (const std::string& root : present.roots()) roots += root;
  return verify_chain({.leaf_der = leaf_der,
                       .intermediates_pem = intermediates,
                       .anchors_pem = roots,
                       .purpose = purpose,
                       .at = at});
}

Result<std::string> Pki::sign_crl(std::string_view issuer, const CrlProfile& profile) const {
  DUNLIN_TRY(const IssuerRef signing, find(issuer));
  return security::sign_crl(profile, signing->signer());
}

Result<std::string> Pki::sign_ocsp(std::string_view issuer, const OcspAnswer& answer) const {
  DUNLIN_TRY(const IssuerRef signing, find(issuer));
  return sign_ocsp_answer(answer, signing->signer());
}

}  // namespace dunlin::security
