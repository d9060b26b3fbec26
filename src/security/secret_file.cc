#include "security/secret_file.h"

#include <array>
#include <cstdint>

#include "base/hex.h"
#include "security/crypto.h"
#include "security/sealed.h"
#include "security/vault.h"

namespace dunlin::security {

Result<std::string> SecretFiles::read(const std::string& path, std::uint64_t limit) const {
  // Sealing makes a text half as long again, and somewhat more.
  DUNLIN_TRY(std::string text, read_file(*fs_, path, 2 * limit + 4096));
  if (text.starts_with(kSealedBegin)) {
    if (vault_ == nullptr)
      return fail(Errc::unavailable, path + " is sealed, and there is no " + std::string(kVaultFile));
    auto opened = vault_->open(text);
    if (!opened) return fail(opened.error().code, path + ": " + opened.error().message);
    text = *std::move(opened);
  }
  if (text.size() <= limit) return text;
  wipe(text);
  return fail(Errc::limit_exceeded, path + " is too large");
}

Result<void> SecretFiles::write(const std::string& path, std::string_view secret,
                                std::string_view rest) const {
  std::string text;
  if (vault_ == nullptr) {
    text = secret;
  } else {
    DUNLIN_TRY(text, vault_->seal(secret));
  }
  text += rest;
  auto written = write_file_atomically(*fs_, path, as_bytes(text));
  wipe(text);
  return written;
}

Result<std::string> load_secret_file(const SecretFiles& files, Rng& rng, const std::string& path) {
  constexpr std::size_t kBytes = 32;
  if (!files.fs().exists(path)) {
    std::array<std::uint8_t, kBytes> bytes{};
    rng.fill(bytes);
    const std::string text = to_hex(bytes);
    DUNLIN_CHECK(files.write(path, text));
    return text;
  }
  DUNLIN_TRY(std::string text, files.read(path, kBytes * 2));
  if (text.size() != kBytes * 2 || !from_hex(text))
    return fail(Errc::corrupt, path + " is not what was written there");
  return text;
}

}  // namespace dunlin::security
