#pragma once
// The secrets and certificates that a bridge's settings name by file.

#include <memory>
#include <optional>
#include <string>

#include "net/tls_context.h"
#include "security/secret_file.h"
#include "transport/bridge/settings.h"

namespace dunlin::bridge {

struct Credentials {
  std::optional<std::string> password;         // a secret
  std::shared_ptr<net::TlsClientContext> tls;  // shared: by the connections made under it; null without TLS
};

/// Who wrote the settings down. The API may name files of the secrets' folder only, by their bare names: its
/// users must not be able to send any file of this machine to a server of theirs.
enum class Source : std::uint8_t { configuration, api };

/// Errors: invalid_argument (the API named a path).
Result<void> check_files(const BridgeSettings& settings, Source source);

/// Blocks. Errors: not_found, io, malformed, invalid_argument, limit_exceeded, with the key.
Result<Credentials> load_credentials(const security::SecretFiles& files, const BridgeSettings& settings,
                                     Source source, const std::string& secrets_folder);

}  // namespace dunlin::bridge
