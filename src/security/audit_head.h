#pragma once
// Where a tenant's chain begins and ends, signed with a key that is not in the database: what is cut off an
// end of the chain is seen by it. Format: docs/formats/audit.md.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "base/rng.h"
#include "hub/principal.h"
#include "security/crypto.h"
#include "security/secret_file.h"

namespace dunlin::security {

struct AuditHead {
  std::uint32_t tenant = kDefaultTenant.value;
  std::uint64_t first = 1;   // the oldest record that is kept
  Digest anchor{};           // hash of the record before it; zeros: there was none
  std::uint64_t last = 0;    // first - 1: no record
  Digest hash{};             // of the last record
  std::uint64_t before = 0;  // audit documents from before the chain, when it began
};

/// All fields, as they are signed.
std::vector<std::uint8_t> signed_bytes(const AuditHead& head);

/// Any thread but for seal().
class AuditKey {
 public:
  /// Reads FOLDER/audit.key (0600), or makes a key. Blocks. Errors: io, no_space, corrupt, those of
  /// SecretFiles.
  static Result<AuditKey> open(const SecretFiles& files, Rng& rng, const std::string& folder);

  /// A key that is there, wherever it is kept. Blocks. Errors: not_found, io, corrupt.
  static Result<AuditKey> read(const SecretFiles& files, const std::string& path);

  /// HMAC-SHA-256 over signed_bytes().
  Digest sign(const AuditHead& head) const;

  /// Whether no head was ever stored under this key: then an empty store is a new one, else it was emptied.
  bool is_fresh() const { return fresh_; }
  /// A head is stored now. Blocks. Errors: io, no_space.
  Result<void> seal();

 private:
  AuditKey(Fs& fs, std::string path, Digest key, bool fresh)
      : fs_(&fs), path_(std::move(path)), key_(key), fresh_(fresh) {}

  Fs* fs_;
  std::string path_;
  Digest key_;
  bool fresh_;
};

inline constexpr std::string_view kAuditHeadId = "head";

/// One line of JSON with the signature.
std::string to_json_text(const AuditHead& head, const Digest& signature);
struct SignedHead {
  AuditHead head;
  Digest signature{};
};
/// Errors: malformed. The signature is not judged.
Result<SignedHead> signed_head_of(std::string_view json);

}  // namespace dunlin::security
