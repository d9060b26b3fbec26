// A key method of OpenSSL that asks a DeviceKey. Key methods are marked as deprecated since 3.0, in favour of
// providers: a provider of our own would be some 600 lines more for the same two calls.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "keys/evp_key.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>

#include "base/log.h"
#include "keys/limits.h"
#include "keys/openssl_parts.h"
#include "keys/token_uri.h"

namespace dunlin::keys {

void FreeEvpKey::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

namespace {

using Keeper = std::shared_ptr<DeviceKey>;  // shared: OpenSSL copies its keys
using EcKey = Handle<EC_KEY, EC_KEY_free>;

void free_keeper(void* /*parent*/, void* kept, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*argl*/,
                 void* /*argp*/) {
  delete static_cast<Keeper*>(kept);  // NOLINT: OpenSSL holds it as void*
}

int copy_keeper(CRYPTO_EX_DATA* /*to*/, const CRYPTO_EX_DATA* /*from*/, void** kept, int /*index*/,
                long /*argl*/, void* /*argp*/) {
  if (*kept != nullptr) *kept = new Keeper(*static_cast<Keeper*>(*kept));  // NOLINT
  return 1;
}

int keeper_index() {
  static const int index = EC_KEY_get_ex_new_index(0, nullptr, nullptr, copy_keeper, free_keeper);
  return index;
}

DeviceKey* keeper_of(const EC_KEY* key) {
  const auto* kept = static_cast<const Keeper*>(EC_KEY_get_ex_data(key, keeper_index()));
  return kept == nullptr ? nullptr : kept->get();
}

void tell(std::string_view what, const Error& why) {
  log::refusal("keys", what, "key", {{"why", why.message}});
}

ECDSA_SIG* sign_digest(const unsigned char* digest, int length, const BIGNUM* /*kinv*/, const BIGNUM* /*r*/,
                       EC_KEY* key) {
  DeviceKey* device = keeper_of(key);
  if (device == nullptr || length <= 0) return nullptr;
  const std::size_t field = field_bytes(device->curve());
  const auto halves = device->sign(ByteView(digest, std::min(static_cast<std::size_t>(length), field)));
  if (!halves) tell("a key did not sign", halves.error());
  if (!halves || halves->size() != 2 * field) return nullptr;
  Handle<ECDSA_SIG, ECDSA_SIG_free> signature(ECDSA_SIG_new());
  Number r(BN_bin2bn(halves->data(), static_cast<int>(field), nullptr));
  Number s(BN_bin2bn(halves->data() + field, static_cast<int>(field), nullptr));
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return nullptr;
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  return signature.release();
}

int agree_on_secret(unsigned char** secret, std::size_t* length, const EC_POINT* peer, const EC_KEY* key) {
  DeviceKey* device = keeper_of(key);
  if (device == nullptr) return 0;
  std::vector<std::uint8_t> point(kMaxPointBytes);
  const NumberContext context(BN_CTX_new());
  const std::size_t size = EC_POINT_point2oct(EC_KEY_get0_group(key), peer, POINT_CONVERSION_UNCOMPRESSED,
                                              point.data(), point.size(), context.get());
  auto agreed = device->agree(ByteView(point).first(size));
  if (!agreed) tell("a key did not agree on a secret", agreed.error());
  if (!agreed || agreed->empty()) return 0;
  auto* copy = static_cast<unsigned char*>(OPENSSL_malloc(agreed->size()));
  if (copy == nullptr) return 0;
  std::ranges::copy(*agreed, copy);
  OPENSSL_cleanse(agreed->data(), agreed->size());
  *secret = copy;
  *length = agreed->size();
  return 1;
}

/// Made once, for the life of the process.
const EC_KEY_METHOD* device_method() {
  static EC_KEY_METHOD* const method = [] {
    EC_KEY_METHOD* made = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    int (*sign)(int, const unsigned char*, int, unsigned char*, unsigned int*, const BIGNUM*, const BIGNUM*,
                EC_KEY*) = nullptr;
    EC_KEY_METHOD_get_sign(made, &sign, nullptr, nullptr);
    EC_KEY_METHOD_set_sign(made, sign, nullptr, sign_digest);
    EC_KEY_METHOD_set_compute_key(made, agree_on_secret);
    return made;
  }();
  return method;
}

}  // namespace

Result<EvpKey> evp_key_of(std::shared_ptr<DeviceKey> key) {
  const int curve = key->curve() == Curve::p256 ? NID_X9_62_prime256v1 : NID_secp384r1;
  const EcKey made(EC_KEY_new_by_curve_name(curve));
  const std::vector<std::uint8_t>& bytes = key->public_point();
  if (!made) return fail(Errc::internal, "OpenSSL has no memory for a key");
  const EC_GROUP* group = EC_KEY_get0_group(made.get());
  const Point point(EC_POINT_new(group));
  const bool is_point = point &&
                        EC_POINT_oct2point(group, point.get(), bytes.data(), bytes.size(), nullptr) == 1 &&
                        EC_KEY_set_public_key(made.get(), point.get()) == 1;
  ERR_clear_error();
  if (!is_point) return fail(Errc::invalid_argument, "the key's public half is no point of its curve");
  auto keeper = std::make_unique<Keeper>(std::move(key));
  EvpKey evp(EVP_PKEY_new());
  if (!evp || EC_KEY_set_method(made.get(), device_method()) != 1 ||
      EC_KEY_set_ex_data(made.get(), keeper_index(), keeper.get()) != 1)
    return fail(Errc::internal, "OpenSSL did not take the key");
  static_cast<void>(keeper.release());  // the EC_KEY's now
  if (EVP_PKEY_set1_EC_KEY(evp.get(), made.get()) != 1)
    return fail(Errc::internal, "OpenSSL did not take the key");
  return evp;
}

Result<EvpKey> load_private_key(std::string_view text) {
  if (text.size() > kMaxKeyTextBytes) return fail(Errc::limit_exceeded, "the key is too large");
  if (text.starts_with(kTokenScheme)) {
    DUNLIN_TRY(auto key, open_device_key(text));
    return evp_key_of(std::move(key));
  }
  const Handle<BIO, BIO_free> reader(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  // An empty passphrase instead of a callback: OpenSSL would ask at the terminal.
  EvpKey key(PEM_read_bio_PrivateKey(reader.get(), nullptr, nullptr, const_cast<char*>("")));
  ERR_clear_error();
  if (!key) return fail(Errc::malformed, "not a private key in PEM form");
  return key;
}

Result<std::shared_ptr<DeviceKey>> open_device_key(std::string_view text) {
  if (!text.starts_with(kTokenScheme)) return key_in_memory(text);
  // A reference is one line; certificates may follow, as after a key in PEM form.
  return key_in_token(text.substr(0, text.find_first_of("\r\n")));
}

Result<std::string> read_key_text(Fs& fs, const std::string& name) {
  if (name.starts_with(kTokenScheme)) return name;
  return read_file(fs, name, kMaxKeyTextBytes);
}

}  // namespace dunlin::keys
