#pragma once
// The bodies that devices send, as they come off the wire. Hostile bytes are normal here.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "security/crypto.h"
#include "service/provision/group_key.h"

namespace dunlin::provision {

/// POST /api/devices/register.
struct Registration {
  std::string device_id;
  std::string firmware_version;
  std::string model;
  std::vector<std::string> capabilities;
  std::string certificate_pem;  // leaf first, then what leads to its authority

  /// As they are kept with the thing.
  std::map<std::string, std::string> attributes() const;
};
/// Errors: limit_exceeded (kMaxBodyBytes), malformed (no JSON object), invalid_argument (names the field).
Result<Registration> read_registration(std::string_view body);

/// POST /api/enrol: by a code, by a group's key, or by the client certificate alone.
struct EnrolRequest {
  security::Secret code;
  std::optional<GroupProof> group;
  std::string csr;        // PEM; empty only with a group
  std::string device_id;  // empty: what code or template make
};
/// Errors: as read_registration().
Result<EnrolRequest> read_enrol_request(std::string_view body);

/// The body of an EST request: base64, in lines or not (RFC 7030 section 4.2.1, RFC 8951 section 3.1). Gives
/// the bytes. Errors: limit_exceeded, malformed.
Result<std::string> read_est_body(std::string_view body);

/// The name and the password of "Authorization: Basic ...". Errors: malformed.
struct BasicCredentials {
  std::string name;
  security::Secret password;
};
Result<BasicCredentials> read_basic(std::string_view header);

}  // namespace dunlin::provision
