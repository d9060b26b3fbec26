#pragma once
// The private half of an elliptic curve key, wherever it is kept: the interface of secure elements. What
// needs a key (TLS, requests for certificates, sealed storage) sees nothing else of it, so that the key
// itself need never be in this process's memory.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/bytes.h"
#include "base/fs.h"
#include "base/result.h"
#include "base/rng.h"

namespace dunlin::keys {

enum class Curve : std::uint8_t { p256, p384 };

/// Bytes of a coordinate, and of each half of a signature.
constexpr std::size_t field_bytes(Curve curve) {
  return curve == Curve::p256 ? 32 : 48;
}

/// Any thread.
class DeviceKey {
 public:
  virtual ~DeviceKey() = default;
  virtual Curve curve() const = 0;
  /// The public half: an uncompressed point (SEC 1 section 2.3.3).
  virtual const std::vector<std::uint8_t>& public_point() const = 0;
  /// ECDSA over a digest that was made by the caller, of which the leftmost field_bytes() count: r, then s,
  /// each field_bytes() long. Blocks. Errors: unavailable (the element does not answer), internal.
  virtual Result<std::vector<std::uint8_t>> sign(ByteView digest) = 0;
  /// ECDH (SP 800-56A section 5.7.1.2) with the point of somebody else: the x coordinate. Blocks. Errors:
  /// invalid_argument (not a point of the curve), unavailable, internal.
  virtual Result<std::vector<std::uint8_t>> agree(ByteView peer_point) = 0;
};

/// A key that stands in PEM text: in memory, in software. P-256 or P-384. Errors: malformed,
/// invalid_argument.
Result<std::shared_ptr<DeviceKey>> key_in_memory(std::string_view pem);

/// A key in a PKCS#11 token, by its URI. Opened once for each URI and kept until the process ends; a session
/// that the token has ended is opened again, once for a call. Errors: invalid_argument (the URI, or a key of
/// another kind), not_found (module, token or key), permission_denied (the PIN; it is tried once only, since
/// tokens lock themselves), unavailable, limit_exceeded (kMaxModules, kMaxTokenKeys).
Result<std::shared_ptr<DeviceKey>> key_in_token(std::string_view uri);

/// Makes a P-256 key in the token that `token_uri` names, which gives it out to nobody; its URI. Errors: as
/// above, already_exists (the label).
Result<std::string> make_key_in_token(std::string_view token_uri, std::string_view label, Rng& rng);

/// `text`: PEM, or a URI that begins with "pkcs11:".
Result<std::shared_ptr<DeviceKey>> open_device_key(std::string_view text);

/// What `name` stands for: itself if it is a URI, else what is in the file. To be wiped by the caller.
/// Errors: those of read_file().
Result<std::string> read_key_text(Fs& fs, const std::string& name);

}  // namespace dunlin::keys
