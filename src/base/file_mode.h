#pragma once
// Who may read and write a file of the operating system, beyond what Fs tells: for whoever judges an
// installation.

#include <string>

#include "base/result.h"

namespace dunlin {

/// The permission bits (0777) of a file or folder. Any thread; blocks. Errors: not_found, io.
Result<unsigned> file_mode(const std::string& path);

}  // namespace dunlin
