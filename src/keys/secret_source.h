#pragma once
// Where a secret that a person gives to the program comes from: never from the command line, which other
// users see.

#include <string>
#include <string_view>

#include "base/result.h"

namespace dunlin::keys {

/// Whether `source` is one of
///   file:PATH or /PATH   the first line of a file
///   env:NAME             a variable of the environment
///   credential:NAME      a credential of systemd: the file NAME in $CREDENTIALS_DIRECTORY
///   prompt               asked for at the terminal
/// Errors: invalid_argument.
Result<void> check_secret_source(std::string_view source);

/// The secret, up to its first line end; 1 to kMaxSecretBytes bytes. `what` is what a person is asked for.
/// Blocks. Errors: invalid_argument (no such source, empty), not_found, io, limit_exceeded. None repeats the
/// secret.
Result<std::string> read_secret(std::string_view source, std::string_view what);

}  // namespace dunlin::keys
