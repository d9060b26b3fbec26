#pragma once
// The authorities in DIR/pki: the root, our intermediates, which of them issues, and the key of one that is
// to be signed elsewhere.
//
//   root.pem, root.key          the root; the key is missing once the root is offline
//   intermediate.pem, .key      the first intermediate
//   forgotten                   says that the first intermediate was forgotten
//   issuers/ID.pem              later ones: the key, the certificate, its root; in one file, so that it is
//                               there as a whole or not at all
//   issuing                     ID of the one that issues; missing: the first one
//   request.key                 the key of a request that waits for its certificate
//
// A key that is in a PKCS#11 token has its URI in the place of the PEM text. With a vault, keys are sealed.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fs.h"
#include "base/result.h"
#include "base/rng.h"
#include "security/crl.h"
#include "security/key_keeping.h"
#include "security/secret_file.h"
#include "security/x509.h"

namespace dunlin::security {

/// An intermediate of ours. Does not change, but for being wiped at its end.
struct Issuer {
  std::string id;  // its key identifier, which its certificates and its list name: lower-case hexadecimal
  std::string certificate_pem;
  std::string key_pem;  // or a URI: see x509.h
  CertificateInfo info;
  std::string root_pem;
  CertificateInfo root;

  Issuer() = default;
  Issuer(const Issuer&) = delete;
  Issuer& operator=(const Issuer&) = delete;
  ~Issuer();
  Signer signer() const { return {key_pem, certificate_pem}; }
};
/// Shared: whoever signs keeps it, also when it is forgotten meanwhile.
using IssuerRef = std::shared_ptr<const Issuer>;

/// All that are trusted at a time.
struct IssuerSet {
  std::vector<IssuerRef> issuers;  // the one that issues first
  std::string root_pem;            // root.pem

  const Issuer& issuing() const { return *issuers.front(); }
  /// Null: none of ours.
  IssuerRef find(std::string_view id) const;
  /// PEM, each once: of the one that issues first.
  std::vector<std::string> roots() const;
};

/// Where the authority of that id has its list and its certificate; nothing without a `public_url`.
StatusUrls status_urls_at(const std::string& public_url, const std::string& id);

/// What every certificate of ours begins with: dates from a little before `now`, and a random serial number.
CertificateProfile new_profile(CertificateProfile::Kind kind, std::string common_name, Duration lifetime,
                               WallTime now, Rng& rng);

/// One thread at a time. Each change is durable before the next begins, and a crash between any two leaves
/// what load() makes good. Errors of all: io, no_space.
class IssuerFiles {
 public:
  /// `folder`: DIR/pki. The others must outlive the object; `rng` must bear any thread.
  IssuerFiles(Fs& fs, const Clock& clock, Rng& rng, std::string folder, std::string organisation,
              std::string public_url, KeyKeeping keeping)
      : fs_(fs),
        keeping_(std::move(keeping)),
        secrets_(fs, keeping_.vault),
        clock_(clock),
        rng_(rng),
        folder_(std::move(folder)),
        organisation_(std::move(organisation)),
        public_url_(std::move(public_url)) {}

  /// Makes what is missing at a first start: the root, then the first intermediate. What is there is never
  /// replaced. Errors: corrupt (a file does not parse, a key is missing or is not its certificate's), those
  /// of SecretFiles and of keys in tokens.
  Result<IssuerSet> load();

  /// A new intermediate, signed by the root. Errors: unavailable (the root is offline), limit_exceeded.
  Result<IssuerRef> make_intermediate(const IssuerSet& present);
  /// A request (PKCS#10, PEM) for an intermediate that is signed elsewhere: of the key that waits, or a new
  /// one.
  Result<std::string> request_pem();
  /// Takes in what became of the request: the certificate, and its root where that is none of ours. The key
  /// that waited is its. Errors: not_found (no request waits), limit_exceeded, and those of
  /// check_intermediate().
  Result<IssuerRef> import_intermediate(const IssuerSet& present, std::string_view chain_pem);
  /// The one that issues from the next load() on.
  Result<void> set_issuing(const Issuer& issuer);
  /// Errors: conflict (it is the last below a root whose key is here).
  Result<void> check_may_forget(const IssuerSet& present, const Issuer& issuer) const;
  /// Takes an intermediate away that does not issue, and root.pem with the last one below it. Errors:
  /// conflict (it is the last below a root whose key is here).
  Result<void> forget(const IssuerSet& present, const Issuer& issuer);

  /// A list (DER) signed by the root of root.pem. Errors: unavailable (the root is offline), internal.
  Result<std::string> sign_root_list(const CrlProfile& profile) const;
  bool root_is_offline() const { return !fs_.exists(path("root.key")); }
  /// The root's key, encrypted (PKCS#8, PEM). Errors: unavailable (the root is offline), invalid_argument
  /// (the passphrase), unsupported (it is in a token, which gives it out to nobody).
  Result<std::string> export_root_key(std::string_view passphrase) const;
  /// Removes root.key if `exported` can be opened and holds that key. Errors: unavailable (it is gone
  /// already), permission_denied (wrong passphrase or another key), malformed.
  /// `before` runs once nothing else is in the way; its error stops the removal.
  Result<void> remove_root_key(std::string_view exported, std::string_view passphrase,
                               const std::function<Result<void>()>& before);

 private:
  struct Pair {
    std::string certificate_pem;
    std::string key_pem;  // empty: no key there
  };
  std::string path(const std::string& file) const { return folder_ + "/" + file; }
  Result<std::string> read_text(const std::string& file) const;
  Result<Pair> read_pair(const std::string& stem) const;
  Result<void> write_pair(const std::string& stem, const Pair& pair);
  Result<Pair> make_authority(CertificateProfile profile, const Pair& issuer) const;
  Result<std::string> load_root();
  Result<void> load_first(IssuerSet& set);
  Result<void> make_first();
  Result<void> remove_first();
  Result<void> load_later(IssuerSet& set);
  Result<void> put_issuing_first(IssuerSet& set) const;
  Result<Pair> read_later(const std::string& file) const;
  Result<void> check_key_of(const std::string& file, const Pair& pair) const;
  Result<IssuerRef> write_later(std::string_view id, const Pair& pair);
  Result<void> drop_used_request(const IssuerSet& set);
  Result<void> adopt_root(IssuerSet& set);

  Fs& fs_;
  const KeyKeeping keeping_;
  const SecretFiles secrets_;
  const Clock& clock_;
  Rng& rng_;
  const std::string folder_;
  const std::string organisation_;
  const std::string public_url_;
};

}  // namespace dunlin::security
