#pragma once

#include <memory>

#include "apps/commands.h"
#include "base/fs.h"
#include "platform/server.h"

namespace dunlin::apps {

/// Reads the configuration; `busy_port` says what happens when a port is taken.
Result<platform::ServerConfig> read_server_config(const ConfigSource& source, Fs& fs,
                                                  platform::BusyPort busy_port);

/// One line: "ready mqtt=127.0.0.1:1883 ...".
void print_ready(const platform::Server& server);

/// The address of a listener, or empty.
std::string listener_address(const platform::Server& server, std::string_view name);

}  // namespace dunlin::apps
