#pragma once

#include "apps/commands.h"

namespace CLI {
class App;
}

namespace dunlin::apps {

/// Adds `bench mqtt` to the command line; `command` is set when it is asked for and outlives the parsing.
void add_bench(CLI::App& app, Command& command);

}  // namespace dunlin::apps
