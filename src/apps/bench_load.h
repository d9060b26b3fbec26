#pragma once
// What the kinds of `dunlin bench` share.

#include <string>

#include "apps/commands.h"
#include "base/fs.h"

namespace dunlin::apps {

/// The options with what the files hold, checked. Errors: invalid_argument, those of reading a file and of
/// make_tls_client_context.
Result<load::LoadOptions> load_options_of(const BenchMqttCommand& command, Fs& fs);

/// Prints why; answers the exit status: 2 where the command line is wrong, else 1.
int report_unusable(const Error& error);

/// Writes `text` over the line of standard error, on a terminal only.
void show_progress(const std::string& text);

}  // namespace dunlin::apps
