#pragma once
// A thing that signs, for tests.

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <string>
#include <vector>

#include "base/base64.h"
#include "security/openssl_handle.h"
#include "security/x509.h"

namespace dunlin::security {

/// A P-256 key and the JWTs that it signs.
struct TestSigner {
  std::string private_pem = generate_key_pem().value();
  std::string public_pem = public_key_of(private_pem).value();

  std::string jwt(std::string_view claims, std::string_view header = R"({"alg":"ES256"})") const {
    const std::string text = to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(claims));
    return text + "." + to_base64url(sign(text));
  }

 private:
  /// R and S side by side, out of OpenSSL's DER.
  std::vector<std::uint8_t> sign(std::string_view text) const {
    const Handle<BIO, BIO_free> pem(
        BIO_new_mem_buf(private_pem.data(), static_cast<int>(private_pem.size())));
    const Handle<EVP_PKEY, EVP_PKEY_free> key(PEM_read_bio_PrivateKey(pem.get(), nullptr, nullptr, nullptr));
    const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    std::array<unsigned char, 128> der{};
    std::size_t length = der.size();
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get());
    EVP_DigestSign(context.get(), der.data(), &length, reinterpret_cast<const unsigned char*>(text.data()),
                   text.size());
    const unsigned char* at = der.data();
    const Handle<ECDSA_SIG, ECDSA_SIG_free> pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(length)));
    std::vector<std::uint8_t> bytes(64);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), bytes.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), bytes.data() + 32, 32);
    return bytes;
  }
};

}  // namespace dunlin::security
