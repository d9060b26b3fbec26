#include "service/provision/group_key.h"

#include "base/base64.h"
#include "service/provision/limits.h"

namespace dunlin::provision {
Result<std::string> load_group_secret(const security::SecretFiles& files, Rng& rng,
                                      const std::string& data_folder) {
  return security::load_secret_file(files, rng, data_folder + "/provision.secret");
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
