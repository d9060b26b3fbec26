#pragma once

#include "apps/commands.h"

namespace CLI {
class App;
}

namespace dunlin::apps {

/// Adds `dunlin rule eval`, which needs no server.
void add_rule_eval(CLI::App& noun, Command& command);

}  // namespace dunlin::apps
