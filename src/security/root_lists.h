#pragma once
// The revocation lists of our roots: which intermediates are revoked (RFC 5280 section 5). A root whose key
// is here signs its list by itself; that of an offline one is signed where its key is, and imported.
//
//   DIR/pki/revoked             the revoked intermediates, one a line
//   DIR/pki/crl/ROOT.crl        the root's present list

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fs.h"
#include "base/result.h"
#include "security/crl.h"
#include "security/x509.h"

namespace dunlin::security {

/// An intermediate that was taken back for good.
struct RevokedIssuer {
  std::string root;    // id of the root above it
  std::string issuer;  // its own
  std::string serial;  // hexadecimal
  RevocationReason reason = RevocationReason::unspecified;
  WallTime at{};
  WallTime not_after{};
};

using RootListRef = std::shared_ptr<const SignedList>;  // shared: an answer keeps it while another comes

/// `outdated`: a revoked intermediate is not on it.
enum class RootListState : std::uint8_t { current, ends_soon, expired, outdated, missing };
std::string_view root_list_state_name(RootListState state);
/// A list that ends so soon has to be signed again.
inline constexpr Duration kRootListSoon = std::chrono::days{14};

/// By what a root is found in files and addresses: its key identifier, or its fingerprint where it has none.
std::string root_id(const CertificateInfo& root);

/// Lines of an index.txt from which `openssl ca -gencrl` makes the list.
std::string openssl_index(const std::vector<RevokedIssuer>& revoked);

/// One thread at a time. Each change is durable before it is answered. Errors of all: io, no_space.
class RootLists {
 public:
  RootLists(Fs& fs, std::string folder) : fs_(fs), folder_(std::move(folder)) {}

  /// Errors: corrupt (the file of revoked intermediates).
  Result<void> load();
  /// The stored list of a root; one that cannot be read, or that the root has not signed, counts as none.
  Result<void> load_list(const std::string& root, std::string_view root_pem);

  Result<void> add(const RevokedIssuer& revoked);
  Result<void> keep(const std::string& root, SignedList list);

  /// Null: there is none.
  RootListRef list(const std::string& root) const;
  std::vector<RevokedIssuer> revoked(const std::string& root) const;
  RootListState state(const std::string& root, WallTime now) const;
  /// What the next list of the root has to say.
  CrlProfile next(const std::string& root, WallTime now, Duration lifetime) const;
  /// Whether a list from outside may take the place of the present one. Errors: invalid_argument, conflict.
  Result<void> check_successor(const std::string& root, const SignedList& list, WallTime now) const;

 private:
  std::string path_of(const std::string& root) const { return folder_ + "/crl/" + root + ".crl"; }

  Fs& fs_;
  std::string folder_;
  std::vector<RevokedIssuer> revoked_;  // at most kMaxRevokedIssuers
  std::map<std::string, RootListRef> lists_;
};

}  // namespace dunlin::security
