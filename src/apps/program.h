#pragma once

namespace dunlin::apps {

/// The whole program: parses the command line, runs the command, answers the exit status: 0 done, 1 failed, 2
/// wrong command line.
int run(int argc, char** argv);

}  // namespace dunlin::apps
