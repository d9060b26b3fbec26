#pragma once

#include "apps/commands.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the name of a library
class App;
}

namespace dunlin::apps {

/// Adds `bench` and its kinds to the command line; `command` is set when it is asked for and outlives the
/// parsing.
void add_bench(CLI::App& app, Command& command);

}  // namespace dunlin::apps
