#include <cstdio>

#include "apps/configuration.h"
#include "apps/server_command.h"

namespace dunlin::apps {

int run_check_config(const CheckConfigCommand& command) {
  const auto fs = make_system_fs();
  if (command.print == CheckConfigCommand::Print::reference) {
    platform::ServerConfig config;
    config::Schema schema;
    platform::declare_keys(schema, config);
    std::fputs(schema.reference().c_str(), stdout);
    return 0;
  }
  const auto config = read_server_config(command.source, *fs, platform::BusyPort::is_error);
  if (!config) return report(config.error());
  std::puts("the configuration is right");
  return 0;
}

}  // namespace dunlin::apps
