#include "service/provision/group_key.h"

#include <array>

#include "base/base64.h"
#include "base/hex.h"
#include "service/provision/limits.h"

namespace dunlin::provision {
namespace {

constexpr std::size_t kSecretBytes = 32;

}  // namespace

Result<std::string> load_group_secret(Fs& fs, Rng& rng, const std::string& data_folder) {
  const std::string path = data_folder + "/provision.secret";
  if (!fs.exists(path)) {
    std::array<std::uint8_t, kSecretBytes> bytes{};
    rng.fill(bytes);
    const std::string text = to_hex(bytes);
    DUNLIN_CHECK(write_file_atomically(fs, path, as_bytes(text)));
    return text;
  }
  DUNLIN_TRY(std::string text, read_file(fs, path, kSecretBytes * 2));
  if (text.size() != kSecretBytes * 2 || !from_hex(text))
    return fail(Errc::corrupt, path + " is not what was written there");
  return text;
}

security::Digest group_key(std::string_view secret, std::string_view group, std::string_view salt) {
  const std::string message = "group\n" + std::string(group) + "\n" + std::string(salt);
  return security::hmac_sha256(as_bytes(secret), as_bytes(message));
}

security::Digest device_key(const security::Digest& key, std::string_view registration_id) {
  return security::hmac_sha256(key, as_bytes(registration_id));
}

std::string group_message(const GroupProof& proof, std::string_view csr) {
  return proof.group + "\n" + proof.registration_id + "\n" + std::to_string(proof.expires) + "\n" +
         (csr.empty() ? std::string() : security::sha256_hex(as_bytes(csr)));
}

Result<void> check_proof(const GroupProof& proof, std::string_view csr, const security::Digest& key,
                         std::int64_t now_seconds) {
  constexpr std::int64_t kAhead = std::chrono::duration_cast<std::chrono::seconds>(kMaxProofLifetime).count();
  if (proof.expires <= now_seconds || proof.expires > now_seconds + kAhead)
    return fail(Errc::unauthenticated, "the signature has expired, or is valid for longer than an hour");
  const auto sent = from_base64(proof.signature);
  const security::Digest right =
      security::hmac_sha256(device_key(key, proof.registration_id), as_bytes(group_message(proof, csr)));
  if (!sent || !security::constant_time_equal(as_text(*sent), as_text(right)))
    return fail(Errc::unauthenticated, "the signature is not right");
  return {};
}

}  // namespace dunlin::provision
