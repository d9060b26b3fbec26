#include "security/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <vector>

#include "base/core/assert.h"
#include "base/hex.h"

namespace dunlin::security {

Digest sha256(ByteView bytes) {
  Digest digest{};
  unsigned int length = 0;
  const int done = EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr);
  DUNLIN_ASSERT(done == 1 && length == digest.size());
  return digest;
}

namespace {

template <std::size_t Size>
std::array<std::uint8_t, Size> hmac(const EVP_MD* hash, ByteView key, ByteView bytes) {
  std::array<std::uint8_t, Size> mac{};
  unsigned int length = 0;
  const unsigned char* done =
      HMAC(hash, key.data(), static_cast<int>(key.size()), bytes.data(), bytes.size(), mac.data(), &length);
  DUNLIN_ASSERT(done != nullptr && length == mac.size());
  return mac;
}

}  // namespace

Digest hmac_sha256(ByteView key, ByteView bytes) {
  return hmac<32>(EVP_sha256(), key, bytes);
}

std::array<std::uint8_t, 20> hmac_sha1(ByteView key, ByteView bytes) {
  return hmac<20>(EVP_sha1(), key, bytes);
}

Digest pbkdf2_sha256(std::string_view password, ByteView salt, std::uint32_t iterations) {
  Digest digest{};
  const int done = PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(),
                                     static_cast<int>(salt.size()), static_cast<int>(iterations),
                                     EVP_sha256(), static_cast<int>(digest.size()), digest.data());
  DUNLIN_ASSERT(done == 1);
  return digest;
}

std::string sha256_hex(ByteView bytes) {
  return to_hex(sha256(bytes));
}

bool constant_time_equal(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::string& text) {
  // A short text lives inside the object, where a longer one before it may have left bytes: clear the whole
  // room it has.
  text.resize(text.capacity());
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

std::string random_text(Rng& rng, std::size_t bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::vector<std::uint8_t> raw(bytes);
  rng.fill(raw);
  std::string text;
  std::uint32_t pool = 0;
  int bits = 0;
  for (const std::uint8_t byte : raw) {
    pool = (pool << 8 | byte) & 0xffff;
    bits += 8;
    for (; bits >= 6; bits -= 6) text.push_back(kAlphabet[pool >> (bits - 6) & 63]);
  }
  if (bits > 0) text.push_back(kAlphabet[pool << (6 - bits) & 63]);
  OPENSSL_cleanse(raw.data(), raw.size());
  return text;
}

Secret::Secret(Secret&& other) noexcept : text_(std::move(other.text_)) {
  wipe(other.text_);
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  wipe(text_);
  text_ = std::move(other.text_);
  wipe(other.text_);
  return *this;
}

}  // namespace dunlin::security
