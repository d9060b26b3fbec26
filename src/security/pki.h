#pragma once
// The system's own certificate authority: a root that could be taken offline, an issuing intermediate, and
// the server's certificate.

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
#include "security/limits.h"
#include "security/x509.h"

namespace dunlin::security {

struct PkiOptions {
  std::string organisation = "Dunlin";
  std::string host_name;               // of this machine; empty: none
  std::vector<std::string> names;      // further DNS names of the server
  std::vector<std::string> addresses;  // further IP addresses of the server
};

/// Leaf first, then the intermediate; ready for net::TlsServerOptions.
struct ServerIdentity {
  std::string certificate_chain_pem;
  std::string private_key_pem;
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

/// Any thread. Signing takes up to a millisecond of CPU; the files of DIR/pki are only touched by open() and
/// by a renewal.
class Pki {
 public:
  /// Opens DIR/pki, making what is missing: root, then intermediate, then server certificate, each durable
  /// before the next, so a crash in between is made good by the next call. A root or intermediate that is
  /// there is never replaced. Renews the server certificate when it is past 2/3 of its life, or when its
  /// names are no longer those asked for. `fs`, `clock` and `rng` must outlive the object; `rng` must bear
  /// any thread (SystemRng does). Errors: corrupt (a file does not parse, a key is missing or is not its
  /// certificate's), invalid_argument (a name or address in the options), io, no_space.
  static Result<std::unique_ptr<Pki>> open(Fs& fs, const Clock& clock, Rng& rng, std::string data_folder,
                                           PkiOptions options);

  ~Pki();
  Pki(const Pki&) = delete;
  Pki& operator=(const Pki&) = delete;

  /// The root certificate, PEM: what devices and browsers trust.
  const std::string& root_pem() const { return root_.certificate_pem; }
  /// Intermediate and root, PEM: what the server trusts for client certificates (devices may send their leaf
  /// alone).
  std::string client_ca_pem() const { return intermediate_.certificate_pem + root_.certificate_pem; }

  /// The intermediate, PEM: what issues the devices' certificates.
  const std::string& issuing_pem() const { return intermediate_.certificate_pem; }

  ServerIdentity server_identity() const;
  /// To be called once a day. After `renewed` the TLS contexts should be made anew.
  Result<Renewal> renew_server_certificate_if_due();

  /// Errors: invalid_argument (name, lifetime, weak key), malformed, permission_denied (no proof of
  /// possession).
  Result<IssuedCertificate> issue_device_certificate(const DeviceCertificateRequest& request) const;

  /// Whether the leaf chains to this authority and is valid for the purpose at `at`. Says nothing about
  /// revocation.
  Result<void> verify(std::string_view leaf_der, Purpose purpose, WallTime at) const;

 private:
  struct Authority {
    std::string certificate_pem;
    std::string key_pem;  // empty for a root that was taken offline
    CertificateInfo info;
  };
  Pki(Fs& fs, const Clock& clock, Rng& rng, std::string folder, PkiOptions options);
  Result<void> check_options();
  Result<void> load_root();
  Result<void> load_intermediate();
  Result<void> load_server();
  Result<Authority> read_authority(const std::string& name) const;
  Result<Authority> make_authority(const std::string& name, CertificateProfile profile,
                                   const Authority* issuer);
  Result<ServerIdentity> make_server();
  bool is_current(const ServerIdentity& identity) const;
  CertificateProfile make_profile(CertificateProfile::Kind kind, std::string common_name,
                                  Duration lifetime) const;
  std::string path(const std::string& file) const { return folder_ + "/" + file; }

  Fs& fs_;
  const Clock& clock_;
  Rng& rng_;
  const std::string folder_;
  const PkiOptions options_;
  std::vector<std::string> dns_names_;  // of the server, without repetition
  std::vector<std::string> addresses_;
  Authority root_;
  Authority intermediate_;
  mutable std::mutex mutex_;  // guards server_; rng_ has its own rule (any thread)
  ServerIdentity server_;
};

}  // namespace dunlin::security
