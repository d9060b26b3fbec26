#pragma once

#include "apps/commands.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the name of a library
class App;
}

namespace dunlin::apps {

/// Adds `backup` and `restore`; `command` is set when one is asked for and outlives the parsing.
void add_backups(CLI::App& app, Command& command);

}  // namespace dunlin::apps
