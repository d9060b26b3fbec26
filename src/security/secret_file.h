#pragma once
// A secret of the program's own in the data folder.

#include <string>

#include "base/fs.h"
#include "base/result.h"
#include "base/rng.h"

namespace dunlin::security {

/// 64 hexadecimal digits, made and durable (mode 0600) where the file is missing. Errors: io, no_space,
/// corrupt (it does not hold what was written there).
Result<std::string> load_secret_file(Fs& fs, Rng& rng, const std::string& path);

}  // namespace dunlin::security
