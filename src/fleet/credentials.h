#pragma once
// How the devices of a site prove who they are.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/fs.h"
#include "base/result.h"
#include "fleet/site_config.h"
#include "net/tls_context.h"

namespace dunlin::fleet {

struct Credentials {
  std::optional<std::string> username;
  std::optional<std::string> password;  // a secret, e.g. the thing's token
  std::shared_ptr<net::TlsClientContext>
      tls;  // shared: by the devices that show the same certificate. Null: plain
};

/// Asked once per device at start-up. Empty function: no credentials and no TLS.
using CredentialSource = std::function<Result<Credentials>(const std::string& device)>;

/// Reads the files that [connect] names; {device} in a path becomes the device's name. `connect` is copied;
/// `fs` outlives the source. Errors of the source: not_found, io, malformed, invalid_argument.
CredentialSource file_credentials(const ConnectConfig& connect, Fs& fs);

}  // namespace dunlin::fleet
