#include <cstdio>

#include "apps/configuration.h"
#include "apps/gateway_process.h"
#include "apps/role_configs.h"
#include "apps/signals.h"

namespace dunlin::apps {

Result<edge::GatewayConfig> read_gateway_config(const ConfigSource& source, Fs& fs) {
  edge::GatewayConfig config;
  config::Schema schema;
  edge::declare_keys(schema, config);
  DUNLIN_CHECK(load(schema, source, fs));
  if (!source.data_folder.empty()) config.data_folder = source.data_folder;
  DUNLIN_CHECK(edge::check(config));
  return config;
}

int run_gateway(const GatewayCommand& command) {
  keep_end_signals();
  const auto fs = make_system_fs();
  const auto config = read_gateway_config(command.source, *fs);
  if (!config) return report(config.error());
  auto gateway = GatewayProcess::start(*config, *fs, end_because_of);
  if (!gateway) return report(gateway.error());
  std::string line = "ready";
  for (const net::Endpoint& listener : (*gateway)->listeners()) line += " " + listener.to_string();
  std::puts(line.c_str());
  std::fflush(stdout);
  return wait_for_end();
}

}  // namespace dunlin::apps
