#pragma once

#include "apps/commands.h"

namespace CLI {
class App;
}

namespace dunlin::apps {

/// Adds `dunlin blob put` and `get`, which move files.
void add_blob_files(CLI::App& noun, Command& command);

}  // namespace dunlin::apps
