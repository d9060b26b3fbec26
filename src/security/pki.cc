#include "security/pki.h"

#include <algorithm>
#include <utility>

#include "security/crypto.h"
#include "security/names.h"

namespace dunlin::security {
namespace {

Result<std::string> read_text(Fs& fs, const std::string& path) {
  if (!fs.exists(path)) return std::string();
  return read_file(fs, path, kMaxPemFileBytes);
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

Pki::Pki(Fs& fs, const Clock& clock, Rng& rng, std::string folder, PkiOptions options)
    : fs_(fs), clock_(clock), rng_(rng), folder_(std::move(folder)), options_(std::move(options)) {}

Pki::~Pki() {
  wipe(root_.key_pem);
  wipe(intermediate_.key_pem);
  wipe(server_.private_key_pem);
}

Result<std::unique_ptr<Pki>> Pki::open(Fs& fs, const Clock& clock, Rng& rng, std::string data_folder,
                                       PkiOptions options) {
  // The constructor is private: make_unique cannot reach it.
  auto* made = new Pki(fs, clock, rng, data_folder + "/pki", options);  // NOLINT
  std::unique_ptr<Pki> pki(made);
  DUNLIN_CHECK(pki->check_options());
  DUNLIN_CHECK(fs.create_folders(pki->folder_));
  DUNLIN_CHECK(pki->load_root());
  DUNLIN_CHECK(pki->load_intermediate());
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
  return {};
}

CertificateProfile Pki::make_profile(CertificateProfile::Kind kind, std::string common_name,
                                     Duration lifetime) const {
  CertificateProfile profile;
  profile.kind = kind;
  profile.common_name = std::move(common_name);
  profile.organisation = options_.organisation;
  profile.not_before = clock_.wall_now() - kBackdate;
  profile.not_after = clock_.wall_now() + lifetime;
  rng_.fill(profile.serial);
  return profile;
}

Result<void> Pki::load_root() {
  // The certificate is written last: without it, a key found here has never signed anything.
  if (fs_.exists(path("root.pem"))) {
    DUNLIN_TRY(root_, read_authority("root"));
    return {};
  }
  if (fs_.exists(path("intermediate.pem"))) {
    return fail(Errc::corrupt,
                path("root.pem") + " is missing though intermediate.pem is there: restore it from a backup");
  }
  using Kind = CertificateProfile::Kind;
  DUNLIN_TRY(root_, make_authority(
                        "root", make_profile(Kind::root, options_.organisation + " Root CA", kRootLifetime),
                        nullptr));
  return {};
}

Result<void> Pki::load_intermediate() {
  if (fs_.exists(path("intermediate.pem"))) {
    DUNLIN_TRY(intermediate_, read_authority("intermediate"));
    if (!intermediate_.key_pem.empty()) return {};
    return fail(Errc::corrupt, path("intermediate.key") + " is missing: restore it from a backup");
  }
  if (root_.key_pem.empty()) {
    return fail(Errc::corrupt,
                path("root.key") + " is needed to make the intermediate authority and is missing");
  }
  using Kind = CertificateProfile::Kind;
  CertificateProfile profile =
      make_profile(Kind::intermediate, options_.organisation + " Issuing CA", kIntermediateLifetime);
  profile.not_after = std::min(profile.not_after, root_.info.not_after);
  DUNLIN_TRY(intermediate_, make_authority("intermediate", std::move(profile), &root_));
  return {};
}

Result<Pki::Authority> Pki::read_authority(const std::string& name) const {
  Authority authority;
  DUNLIN_TRY(authority.certificate_pem, read_text(fs_, path(name + ".pem")));
  DUNLIN_TRY(authority.key_pem, read_text(fs_, path(name + ".key")));
  auto info = info_of(authority.certificate_pem);
  if (!info) return fail(Errc::corrupt, path(name + ".pem") + ": " + info.error().message);
  authority.info = *info;
  if (authority.info.role != CertificateInfo::Role::authority) {
    return fail(Errc::corrupt, path(name + ".pem") + " is no certificate of an authority");
  }
  if (authority.key_pem.empty()) return authority;
  if (const auto belongs = check_key_belongs(authority.key_pem, authority.certificate_pem); !belongs) {
    return fail(Errc::corrupt, path(name + ".key") + ": " + belongs.error().message);
  }
  return authority;
}

Result<Pki::Authority> Pki::make_authority(const std::string& name, CertificateProfile profile,
                                           const Authority* issuer) {
  Authority authority;
  DUNLIN_TRY(authority.key_pem, generate_key_pem());
  DUNLIN_TRY(const std::string public_key, public_key_of(authority.key_pem));
  const Signer signer =
      issuer != nullptr ? Signer{issuer->key_pem, issuer->certificate_pem} : Signer{authority.key_pem, {}};
  DUNLIN_TRY(authority.certificate_pem, sign_certificate(profile, public_key, signer));
  DUNLIN_TRY(authority.info, info_of(authority.certificate_pem));
  DUNLIN_CHECK(write_file_atomically(fs_, path(name + ".key"), as_bytes(authority.key_pem)));
  DUNLIN_CHECK(write_file_atomically(fs_, path(name + ".pem"), as_bytes(authority.certificate_pem)));
  return authority;
}

Result<void> Pki::load_server() {
  ServerIdentity identity;
  DUNLIN_TRY(identity.certificate_chain_pem, read_text(fs_, path("server.pem")));
  DUNLIN_TRY(identity.private_key_pem, read_text(fs_, path("server.key")));
  // Key and certificate are two files: after a crash between them, or any other damage, a new pair costs
  // nothing.
  const auto info = info_of(identity.certificate_chain_pem);
  const bool usable = info && check_key_belongs(identity.private_key_pem, identity.certificate_chain_pem);
  if (usable) identity.info = *info;
  if (!usable || !is_current(identity)) {
    DUNLIN_TRY(identity, make_server());
  }
  server_ = std::move(identity);
  return {};
}

bool Pki::is_current(const ServerIdentity& identity) const {
  const WallTime now = clock_.wall_now();
  const Duration life = identity.info.not_after - identity.info.not_before;
  if (now < identity.info.not_before || now >= identity.info.not_after - life / 3) return false;
  const auto covers = [&](const std::string& name) {
    return check_covers(identity.certificate_chain_pem, name).has_value();
  };
  if (!std::ranges::all_of(dns_names_, covers) || !std::ranges::all_of(addresses_, covers)) return false;
  const auto ders = certificates_from_pem(identity.certificate_chain_pem);
  return ders && verify(ders->front(), Purpose::server, now).has_value();
}

Result<ServerIdentity> Pki::make_server() {
  using Kind = CertificateProfile::Kind;
  const std::string& name = options_.host_name.empty() ? dns_names_.front() : options_.host_name;
  CertificateProfile profile = make_profile(Kind::server, name.substr(0, kMaxCommonName), kServerLifetime);
  profile.not_after = std::min(profile.not_after, intermediate_.info.not_after);
  profile.dns_names = dns_names_;
  profile.addresses = addresses_;
  ServerIdentity identity;
  DUNLIN_TRY(identity.private_key_pem, generate_key_pem());
  DUNLIN_TRY(const std::string public_key, public_key_of(identity.private_key_pem));
  DUNLIN_TRY(
      const std::string leaf,
      sign_certificate(profile, public_key, Signer{intermediate_.key_pem, intermediate_.certificate_pem}));
  identity.certificate_chain_pem = leaf + intermediate_.certificate_pem;
  DUNLIN_TRY(identity.info, info_of(leaf));
  DUNLIN_CHECK(write_file_atomically(fs_, path("server.key"), as_bytes(identity.private_key_pem)));
  DUNLIN_CHECK(write_file_atomically(fs_, path("server.pem"), as_bytes(identity.certificate_chain_pem)));
  return identity;
}

ServerIdentity Pki::server_identity() const {
  const std::lock_guard lock(mutex_);
  return server_;
}

Result<Renewal> Pki::renew_server_certificate_if_due() {
  const std::lock_guard lock(mutex_);
  if (is_current(server_)) return Renewal::not_due;
  DUNLIN_TRY(ServerIdentity identity, make_server());
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
  CertificateProfile profile =
      make_profile(CertificateProfile::Kind::device,
                   request.thing_name.size() <= kMaxCommonName ? request.thing_name : "", request.lifetime);
  profile.not_after = std::min(profile.not_after, intermediate_.info.not_after);
  profile.uri = "urn:dunlin:thing:" + request.thing_name;
  DUNLIN_TRY(
      issued.certificate_pem,
      sign_certificate(profile, public_key, Signer{intermediate_.key_pem, intermediate_.certificate_pem}));
  issued.chain_pem = issued.certificate_pem + intermediate_.certificate_pem;
  DUNLIN_TRY(issued.info, info_of(issued.certificate_pem));
  return issued;
}

Result<void> Pki::verify(std::string_view leaf_der, Purpose purpose, WallTime at) const {
  return verify_chain({.leaf_der = leaf_der,
                       .intermediates_pem = intermediate_.certificate_pem,
                       .anchors_pem = root_.certificate_pem,
                       .purpose = purpose,
                       .at = at});
}

}  // namespace dunlin::security
