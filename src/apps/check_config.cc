#include <cstdio>

#include "apps/configuration.h"
#include "apps/role_configs.h"
#include "apps/server_command.h"

namespace dunlin::apps {

namespace {

Result<void> check_role(const CheckConfigCommand& command, Fs& fs) {
  switch (command.role) {
    case CheckConfigCommand::Role::server: {
      DUNLIN_CHECK(read_server_config(command.source, fs, platform::BusyPort::is_error));
      return {};
    }
    case CheckConfigCommand::Role::gateway: {
      DUNLIN_CHECK(read_gateway_config(command.source, fs));
      return {};
    }
    case CheckConfigCommand::Role::site: {
      DUNLIN_CHECK(read_site_config(command.source, fs));
      return {};
    }
  }
  return {};
}

std::string reference(CheckConfigCommand::Role role) {
  config::Schema schema;
  platform::ServerConfig server;
  edge::GatewayConfig gateway;
  switch (role) {
    case CheckConfigCommand::Role::server:
      platform::declare_keys(schema, server);
      return schema.reference();
    case CheckConfigCommand::Role::gateway:
      edge::declare_keys(schema, gateway);
      return schema.reference();
    case CheckConfigCommand::Role::site:
      return std::string(fleet::factory_toml());
  }
  return {};
}

}  // namespace

int run_check_config(const CheckConfigCommand& command) {
  if (command.print == CheckConfigCommand::Print::reference) {
    std::fputs(reference(command.role).c_str(), stdout);
    return 0;
  }
  const auto fs = make_system_fs();
  if (const auto checked = check_role(command, *fs); !checked) return report(checked.error());
  std::puts("the configuration is right");
  return 0;
}

}  // namespace dunlin::apps
