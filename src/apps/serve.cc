#include <cstdio>

#include "apps/configuration.h"
#include "apps/server_command.h"
#include "apps/signals.h"
#include "base/log.h"

namespace dunlin::apps {
namespace {

log::Level level_of(const std::string& word) {
  if (word == "debug") return log::Level::debug;
  if (word == "warning") return log::Level::warning;
  return word == "error" ? log::Level::error : log::Level::info;
}

}  // namespace

Result<platform::ServerConfig> read_server_config(const ConfigSource& source, Fs& fs,
                                                  platform::BusyPort busy_port) {
  platform::ServerConfig config;
  config::Schema schema;
  platform::declare_keys(schema, config);
  DUNLIN_CHECK(load(schema, source, fs));
  if (!source.data_folder.empty()) config.data_folder = source.data_folder;
  config.busy_port = busy_port;
  DUNLIN_CHECK(platform::check(config));
  log::set_level(level_of(config.log_level));
  return config;
}

void print_ready(const platform::Server& server) {
  std::string line = "ready";
  for (const platform::ListenerInfo& info : server.listeners())
    line += " " + info.name + "=" + info.address.to_string();
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

std::string listener_address(const platform::Server& server, std::string_view name) {
  for (const platform::ListenerInfo& info : server.listeners()) {
    if (info.name == name) return info.address.to_string();
  }
  return {};
}

int run_serve(const ServeCommand& command) {
  keep_end_signals();
  const auto fs = make_system_fs();
  auto config = read_server_config(command.source, *fs, platform::BusyPort::is_error);
  if (!config) return report(config.error());
  auto server = platform::Server::open(*config, *fs, end_because_of);
  if (!server) return report(server.error());
  if (auto started = (*server)->start(); !started) return report(started.error());
  print_ready(**server);
  if ((*server)->claim_token()) {
    const std::string http = listener_address(**server, "http");
    const std::string base =
        http.empty() ? "https://" + listener_address(**server, "https") : "http://" + http;
    std::printf("first sign-in (valid once, for 24 hours): %s/#/claim/%s\n", base.c_str(),
                (*server)->claim_token()->c_str());
    std::fflush(stdout);
  }
  const int status = wait_for_end();
  (*server)->stop();
  return status;
}

}  // namespace dunlin::apps
