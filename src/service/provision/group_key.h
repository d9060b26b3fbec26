#pragma once
// Symmetric keys of device groups: the group's key gives each device its own, so that the factory needs one
// secret and a device that is opened betrays itself alone.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fs.h"
#include "base/result.h"
#include "base/rng.h"
#include "security/crypto.h"
#include "security/secret_file.h"

namespace dunlin::provision {

/// Reads FOLDER/provision.secret (0600), or makes it. Blocks. Errors: io, no_space, corrupt.
Result<std::string> load_group_secret(const security::SecretFiles& files, Rng& rng,
                                      const std::string& data_folder);

/// The group's key: made of the server's secret, so that the database holds no key. `salt` is the group's
/// own.
security::Digest group_key(std::string_view secret, std::string_view group, std::string_view salt);
/// HMAC-SHA256(group key, registration id): what is burnt into the device.
security::Digest device_key(const security::Digest& group_key, std::string_view registration_id);

/// What a device of a group sends.
struct GroupProof {
  std::string group;
  std::string registration_id;
  std::int64_t expires = 0;  // Unix seconds, at most kMaxProofLifetime ahead
  std::string signature;     // base64 of HMAC-SHA256(device key, group_message())
};
/// "GROUP\nREGISTRATION_ID\nEXPIRES\nSHA256 of the CSR as it is sent, in hexadecimal, or nothing".
std::string group_message(const GroupProof& proof, std::string_view csr);
/// Errors: unauthenticated.
Result<void> check_proof(const GroupProof& proof, std::string_view csr, const security::Digest& key,
                         std::int64_t now_seconds);

}  // namespace dunlin::provision
