#include "store/blob/blob_hash.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/core/assert.h"
#include "base/hex.h"

namespace dunlin::store {
namespace {

constexpr std::string_view kPrefix = "sha256-";

}  // namespace

std::string blob_id(const BlobHash& hash) {
  return std::string(kPrefix) + to_hex(hash);
}

Result<BlobHash> parse_blob_id(std::string_view text) {
  const auto wrong = [] {
    return fail(Errc::invalid_argument, "a blob is named by sha256- and 64 digits of lower-case hexadecimal");
  };
  if (!text.starts_with(kPrefix)) return wrong();
  text.remove_prefix(kPrefix.size());
  BlobHash hash{};
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.size() != 2 * hash.size() || !std::ranges::all_of(text, is_digit)) return wrong();
  DUNLIN_TRY(const auto bytes, from_hex(text));
  std::ranges::copy(bytes, hash.begin());
  return hash;
}

struct BlobHasher::Context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

BlobHasher::BlobHasher() : context_(std::make_unique<Context>()) {
  DUNLIN_ASSERT(context_->digest != nullptr);
  const int begun = EVP_DigestInit_ex(context_->digest.get(), EVP_sha256(), nullptr);
  DUNLIN_ASSERT(begun == 1);
}

BlobHasher::~BlobHasher() = default;

void BlobHasher::update(ByteView bytes) {
  const int taken = EVP_DigestUpdate(context_->digest.get(), bytes.data(), bytes.size());
  DUNLIN_ASSERT(taken == 1);
}

BlobHash BlobHasher::finish() {
  BlobHash hash{};
  unsigned int length = 0;
  const int done = EVP_DigestFinal_ex(context_->digest.get(), hash.data(), &length);
  DUNLIN_ASSERT(done == 1 && length == hash.size());
  return hash;
}

}  // namespace dunlin::store
