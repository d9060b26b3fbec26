#pragma once

#include <string>
#include <variant>

#include "apps/commands.h"

namespace dunlin::apps {

/// What is left to do when the command line names nothing to run: text for a person and the exit status.
struct Exit {
  int status = 0;
  std::string output;
};

std::variant<Command, Exit> read_command_line(int argc, const char* const* argv);

}  // namespace dunlin::apps
