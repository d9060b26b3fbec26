#pragma once

#include "apps/commands.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the name of a library
class App;
}

namespace dunlin::apps {

/// Adds `device-key`, `vault`, `seal` and `unseal` to the command line; `command` is set when one is asked
/// for and outlives the parsing.
void add_keys(CLI::App& app, Command& command);

/// Where an operation is sent (command_line.cc).
void add_target(CLI::App& app, CallTarget& target);

}  // namespace dunlin::apps
