#pragma once

#include "apps/commands.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the name of a library
class App;
}

namespace dunlin::apps {

/// Adds `series import` and `series export`; `command` is set when one is asked for and outlives the parsing.
void add_series_files(CLI::App& noun, Command& command);

/// Nanoseconds in a unit of time ("ns", "us", "ms", "s"); 0: no such unit.
std::int64_t tick_of(std::string_view precision);

}  // namespace dunlin::apps
