#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>

#include "keys/device_key.h"
#include "keys/evp_key.h"
#include "keys/limits.h"
#include "keys/openssl_parts.h"

namespace dunlin::keys {
namespace {

Result<Curve> curve_of(const EVP_PKEY* key) {
  std::array<char, 64> group{};
  std::size_t length = 0;
  if (EVP_PKEY_is_a(key, "EC") == 1 &&
      EVP_PKEY_get_group_name(key, group.data(), group.size(), &length) == 1) {
    const std::string_view name(group.data(), length);
    if (name == "prime256v1") return Curve::p256;
    if (name == "secp384r1") return Curve::p384;
  }
  ERR_clear_error();
  return fail(Errc::invalid_argument, "a device's key is on the curve P-256 or P-384");
}

Result<std::vector<std::uint8_t>> point_of(const EVP_PKEY* key) {
  std::vector<std::uint8_t> point(kMaxPointBytes);
  std::size_t length = 0;
  const bool read =
      EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &length) == 1;
  ERR_clear_error();
  if (!read || length == 0 || point[0] != POINT_CONVERSION_UNCOMPRESSED)
    return fail(Errc::invalid_argument, "the key has no public half");
  point.resize(length);
  return point;
}

/// A key of the same curve, of somebody else.
Result<EvpKey> peer_of(EVP_PKEY* key, ByteView point) {
  EvpKey peer(EVP_PKEY_new());
  const bool made = peer && EVP_PKEY_copy_parameters(peer.get(), key) == 1 &&
                    EVP_PKEY_set1_encoded_public_key(peer.get(), point.data(), point.size()) == 1;
  ERR_clear_error();
  if (!made) return fail(Errc::invalid_argument, "the other's key is no point of the curve");
  return peer;
}

/// From the DER of OpenSSL to r and s.
Result<std::vector<std::uint8_t>> halves_of(ByteView der, std::size_t half) {
  const unsigned char* at = der.data();
  const Handle<ECDSA_SIG, ECDSA_SIG_free> signature(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  std::vector<std::uint8_t> halves(2 * half);
  const int bytes = static_cast<int>(half);
  if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), halves.data(), bytes) != bytes ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), halves.data() + half, bytes) != bytes)
    return fail(Errc::internal, "the signature could not be written");
  return halves;
}

class MemoryKey final : public DeviceKey {
 public:
  MemoryKey(EvpKey key, Curve curve, std::vector<std::uint8_t> point)
      : key_(std::move(key)), curve_(curve), point_(std::move(point)) {}

  Curve curve() const override { return curve_; }
  const std::vector<std::uint8_t>& public_point() const override { return point_; }

  Result<std::vector<std::uint8_t>> sign(ByteView digest) override {
    const Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new(key_.get(), nullptr));
    std::vector<std::uint8_t> der(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())));
    std::size_t length = der.size();
    const bool made = context && EVP_PKEY_sign_init(context.get()) == 1 &&
                      EVP_PKEY_sign(context.get(), der.data(), &length, digest.data(), digest.size()) == 1;
    ERR_clear_error();
    if (!made) return fail(Errc::internal, "the key did not sign");
    return halves_of(ByteView(der).first(length), field_bytes(curve_));
  }

  Result<std::vector<std::uint8_t>> agree(ByteView peer_point) override {
    DUNLIN_TRY(const EvpKey peer, peer_of(key_.get(), peer_point));
    const Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new(key_.get(), nullptr));
    std::vector<std::uint8_t> secret(field_bytes(curve_));
    std::size_t length = secret.size();
    const bool made = context && EVP_PKEY_derive_init(context.get()) == 1 &&
                      EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1 &&
                      EVP_PKEY_derive(context.get(), secret.data(), &length) == 1 && length == secret.size();
    ERR_clear_error();
    if (!made) return fail(Errc::internal, "no secret could be agreed on");
    return secret;
  }

 private:
  EvpKey key_;
  Curve curve_;
  std::vector<std::uint8_t> point_;
};

}  // namespace

Result<std::shared_ptr<DeviceKey>> key_in_memory(std::string_view pem) {
  if (pem.starts_with("pkcs11:")) return fail(Errc::malformed, "not a private key in PEM form");
  DUNLIN_TRY(EvpKey key, load_private_key(pem));
  DUNLIN_TRY(const Curve curve, curve_of(key.get()));
  DUNLIN_TRY(std::vector<std::uint8_t> point, point_of(key.get()));
  return std::make_shared<MemoryKey>(std::move(key), curve, std::move(point));
}

}  // namespace dunlin::keys
