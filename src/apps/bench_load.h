#pragma once
// What the kinds of `dunlin bench` share.

#include <chrono>
#include <string>
#include <thread>

#include "apps/commands.h"
#include "apps/signals.h"
#include "base/fs.h"

namespace dunlin::apps {

/// The options with what the files hold, checked. Errors: invalid_argument, those of reading a file and of
/// make_tls_client_context.
Result<load::LoadOptions> load_options_of(const BenchMqttCommand& command, Fs& fs);

/// Prints why; answers the exit status: 2 where the command line is wrong, else 1.
int report_unusable(const Error& error);

/// Writes `text` over the line of standard error, on a terminal only.
void show_progress(const std::string& text);

/// Runs it to its end, which SIGINT and SIGTERM bring near; keep_end_signals() has been called. Blocks.
/// Leaves no progress on the terminal.
template <class Process>
auto run_until_signal(Process& process) {
  std::jthread signals([&process](const std::stop_token& done) {
    while (!done.stop_requested()) {
      if (end_comes_within(std::chrono::milliseconds{50})) process.interrupt();
    }
  });
  auto result = process.run();
  signals = {};
  show_progress("");
  return result;
}

}  // namespace dunlin::apps
