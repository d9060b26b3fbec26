#pragma once
// What subcommands read piece by piece.

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dunlin::apps {

/// Hands over the bytes of a file, or of the standard input where `path` is "-". Ends with the first error of
/// `take`. Errors: those of the file, io, and those of `take`.
Result<void> read_pieces(const std::string& path, const std::function<Result<void>(std::string_view)>& take);

}  // namespace dunlin::apps
