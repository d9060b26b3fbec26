#pragma once
// The system's own certificate authority: a root that can be taken offline, intermediates of which one
// issues, and the server's certificate.

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fs.h"
#include "base/result.h"
#include "base/rng.h"
#include "security/crl.h"
#include "security/issuer_files.h"
#include "security/key_keeping.h"
#include "security/limits.h"
#include "security/ocsp.h"
#include "security/root_lists.h"
#include "security/x509.h"

namespace dunlin::security {

struct PkiOptions {
  std::string organisation = "Dunlin";
  std::string host_name;               // of this machine; empty: none
  std::vector<std::string> names;      // further DNS names of the server
  std::vector<std::string> addresses;  // further IP addresses of the server
  /// Where /pki/ is found from outside, e.g. "http://pki.example", without a '/' at the end; empty:
  /// certificates do not say where to ask for their status.
  std::string public_url{};
  KeyKeeping keys{};
};

/// Errors: invalid_argument.
Result<void> check_public_url(std::string_view url);

/// Leaf first, then the intermediate; ready for net::TlsServerOptions.
struct ServerIdentity {
  std::string certificate_chain_pem;
  std::string private_key_pem;  // or a URI: see x509.h
  CertificateInfo info;
};

struct DeviceCertificateRequest {
  std::string thing_name;  // the only source of the names; too long for a common name: only in the SAN
  std::string csr_pem;     // empty: a key is made and handed out once
  Duration lifetime = kDefaultDeviceLifetime;  // cut to the intermediate's end
};

struct IssuedCertificate {
  std::string certificate_pem;  // leaf
  std::string chain_pem;        // leaf, then intermediate
  std::string private_key_pem;  // empty when a CSR was given
  CertificateInfo info;
};

enum class Renewal : std::uint8_t { not_due, renewed };

/// An intermediate, as it is told to people.
struct IssuerStatus {
  std::string id;
  std::string certificate_pem;
  CertificateInfo info;
  CertificateInfo root;
  enum class Use : std::uint8_t { issuing, trusted } use = Use::trusted;
};

/// A root of ours, and how its revocation list stands.
struct RootStatus {
  std::string id;  // root_id()
  std::string certificate_pem;
  CertificateInfo info;
  enum class Key : std::uint8_t { here, offline } key = Key::offline;
  RootListState state = RootListState::missing;
  RootListRef list;                    // null: missing
  std::vector<RevokedIssuer> revoked;  // all that are to be on it
};

/// Any thread. Signing takes up to a millisecond of CPU; the files of DIR/pki are only touched by open(), by
/// a renewal and by the changes of authorities.
class Pki {
 public:
  /// Opens DIR/pki, making what is missing: root, then intermediate, then server certificate, each durable
  /// before the next, so a crash in between is made good by the next call. A root or intermediate that is
  /// there is never replaced. Renews the server certificate when it is past 2/3 of its life, when its names
  /// or addresses of status are no longer those asked for, or when another intermediate issues. `fs`, `clock`
  /// and `rng` must outlive the object; `rng` must bear any thread (SystemRng does). Errors: corrupt (a file
  /// does not parse, a key is missing or is not its certificate's), invalid_argument (a name or address in
  /// the options), io, no_space, those of SecretFiles and of keys in tokens.
  static Result<std::unique_ptr<Pki>> open(Fs& fs, const Clock& clock, Rng& rng, std::string data_folder,
                                           PkiOptions options);

  ~Pki();
  Pki(const Pki&) = delete;
  Pki& operator=(const Pki&) = delete;

  /// What devices and browsers trust, PEM: the root above what issues, then others that are in use.
  std::string root_pem() const;
  /// Intermediates and roots, PEM: what the server trusts for client certificates (devices may send their
  /// leaf alone).
  std::string client_ca_pem() const;
  /// The intermediate that issues, PEM.
  std::string issuing_pem() const { return set().issuing().certificate_pem; }
  /// The intermediate or root of that id, PEM; empty: there is none.
  std::string issuer_pem(std::string_view id) const;
  /// The one that issues first.
  std::vector<IssuerStatus> issuers() const;
  /// Empty: certificates name no such address.
  const std::string& public_url() const { return options_.public_url; }

  ServerIdentity server_identity() const;
  /// Of its certificate, without the key.
  CertificateInfo server_info() const;
  /// To be called once a day, and after the intermediate that issues has changed. After `renewed` the TLS
  /// contexts should be made anew.
  Result<Renewal> renew_server_certificate_if_due();

  /// Errors: invalid_argument (name, lifetime, weak key), malformed, permission_denied (no proof of
  /// possession).
  Result<IssuedCertificate> issue_device_certificate(const DeviceCertificateRequest& request) const;

  /// Whether the leaf chains to this authority and is valid for the purpose at `at`. Says nothing about
  /// revocation.
  Result<void> verify(std::string_view leaf_der, Purpose purpose, WallTime at) const;

  /// Signs as the intermediate of that id. Errors: not_found (it was forgotten), internal.
  Result<std::string> sign_crl(std::string_view issuer, const CrlProfile& profile) const;
  Result<std::string> sign_ocsp(std::string_view issuer, const OcspAnswer& answer) const;

  // Changes of authorities (pki_changes.cc), one after the other. They block; what they answer is durable.
  // The TLS contexts should be made anew after each that returns an intermediate.

  /// A new intermediate, signed by the root, issues from now on; the one before stays trusted. Errors:
  /// unavailable (the root is offline), limit_exceeded (kMaxIssuers), io, no_space.
  Result<IssuerStatus> rotate();
  /// The same with one that is there. Errors: not_found.
  Result<IssuerStatus> use_issuer(std::string_view id);
  /// A request for an intermediate that somebody else signs; the same one until it is imported. Errors: io,
  /// no_space.
  Result<std::string> request_intermediate();
  enum class Import : std::uint8_t { issues, is_trusted };
  /// Its certificate, and its root where that is a new one. Errors: those of IssuerFiles.
  Result<IssuerStatus> import_intermediate(std::string_view chain_pem, Import what);
  /// Whether it is one of ours and does not issue. Errors: not_found, conflict.
  Result<void> check_may_forget(std::string_view id) const;
  /// Its certificates are no longer accepted. With a reason it is revoked, too: on the list of its root,
  /// where that one's key is here, and otherwise on the next one that is signed and imported. Errors: those
  /// of check_may_forget(), conflict (it is the last one of a root whose key is here).
  Result<IssuerStatus> forget_issuer(std::string_view id,
                                     std::optional<RevocationReason> revoke = std::nullopt);

  bool root_is_offline() const { return files_.root_is_offline(); }

  // The roots' revocation lists (pki_roots.cc).

  std::vector<RootStatus> roots() const;
  /// Null: there is no such root, or it has none.
  RootListRef root_list(std::string_view root) const;
  /// To be called once a day: the list of a root whose key is here is signed anew before it ends.
  Result<Renewal> renew_root_list_if_due();
  /// A list that an offline root has signed elsewhere, PEM. Errors: malformed, permission_denied (of no root
  /// of ours), conflict (that root's key is here; it is not newer; it revokes an intermediate that is still
  /// here), invalid_argument (it has ended, or lacks an intermediate that was revoked).
  Result<RootStatus> import_root_list(std::string_view text);
  /// The root's key under a passphrase. Errors: unavailable (the root is offline), invalid_argument.
  Result<std::string> export_root_key(std::string_view passphrase) const;
  /// Errors: those of IssuerFiles.
  Result<void> remove_root_key(std::string_view exported, std::string_view passphrase);

 private:
  Pki(Fs& fs, const Clock& clock, Rng& rng, std::string folder, PkiOptions options);
  Result<void> check_options();
  Result<void> load_server();
  Result<ServerIdentity> make_server(const std::string& present_key);
  bool is_current(const ServerIdentity& identity) const;
  CertificateProfile make_profile(CertificateProfile::Kind kind, const std::string& common_name,
                                  Duration lifetime, const Issuer& issuer) const;
  StatusUrls status_urls(const Issuer& issuer) const;
  std::string path(const std::string& file) const { return folder_ + "/" + file; }
  IssuerSet set() const;
  Result<IssuerRef> find(std::string_view id) const;
  static IssuerStatus status_of(const Issuer& issuer, IssuerStatus::Use use);
  IssuerStatus put_first(const IssuerRef& issuer);
  Result<void> load_root_lists();
  std::vector<std::string> root_pems() const;
  RootStatus root_status(const std::string& pem) const;
  Result<void> sign_root_list(Duration lifetime);
  Result<void> revoke_issuer(const Issuer& issuer, RevocationReason reason);

  Fs& fs_;
  const Clock& clock_;
  Rng& rng_;
  const std::string folder_;
  const PkiOptions options_;
  const SecretFiles secrets_;
  std::vector<std::string> dns_names_;  // of the server, without repetition
  std::vector<std::string> addresses_;
  mutable std::mutex changes_;  // one change of files at a time; taken before mutex_
  IssuerFiles files_;           // guarded by changes_
  mutable std::mutex mutex_;    // guards what follows
  IssuerSet set_;
  ServerIdentity server_;
  RootLists root_lists_;  // changed under changes_ besides
};

/// Logs which roots' lists have to be mended, and how: that of an offline root does not become right by
/// itself.
void warn_of_root_lists(const Pki& pki);

}  // namespace dunlin::security
