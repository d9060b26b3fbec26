#pragma once

#include <string>
#include <string_view>

#include "base/fs.h"
#include "base/result.h"

namespace dunlin::apps {

/// Into a new file that its owner alone can read, durable on return: what is there may be the only copy of
/// something. Says so on the standard output. Errors: already_exists, io, no_space.
Result<void> write_new_file(Fs& fs, const std::string& path, std::string_view text);

}  // namespace dunlin::apps
