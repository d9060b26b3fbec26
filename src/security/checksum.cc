#include "security/checksum.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/core/assert.h"
#include "base/hex.h"
#include "security/md2.h"

namespace dunlin::security {
namespace {

constexpr std::array<std::string_view, 7> kNames{"md2",    "md5",    "sha1",  "sha224",
                                                 "sha256", "sha384", "sha512"};

}  // namespace

std::optional<Checksum> checksum_by_name(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Checksum>(found - kNames.begin());
}

std::string checksum_hex(Checksum kind, ByteView bytes) {
  if (kind == Checksum::md2) return to_hex(md2(bytes));
  const std::array<const EVP_MD*, kNames.size()> hashes{nullptr,      EVP_md5(),    EVP_sha1(),  EVP_sha224(),
                                                        EVP_sha256(), EVP_sha384(), EVP_sha512()};
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  const int done = EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length,
                              hashes[static_cast<std::size_t>(kind)], nullptr);
  DUNLIN_ASSERT(done == 1);
  return to_hex({digest.data(), length});
}

}  // namespace dunlin::security
