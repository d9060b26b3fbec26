#include <cstdio>

#include "apps/configuration.h"
#include "apps/gateway_process.h"
#include "apps/role_configs.h"
#include "apps/server_command.h"
#include "apps/signals.h"
#include "apps/site_process.h"
#include "apps/tour.h"

namespace dunlin::apps {
namespace {

/// The gateway and the devices behind it. The site goes first, then the gateway.
struct Tour {
  std::unique_ptr<GatewayProcess> gateway;
  std::unique_ptr<SiteProcess> site;
};

std::string local_address(const std::string& address) {
  constexpr std::string_view kAny = "0.0.0.0:";
  return address.starts_with(kAny) ? "127.0.0.1:" + address.substr(kAny.size()) : address;
}

Result<Tour> start_tour(const UpCommand& command, const platform::ServerConfig& config,
                        const platform::Server& server, Fs& fs) {
  const std::string folder = config.data_folder + "/tour-gateway";
  CallTarget target;
  target.data_folder = config.data_folder;
  DUNLIN_TRY(auto client, ApiClient::open(target, fs));
  DUNLIN_CHECK(prepare_tour(*client, fs, folder));

  fleet::SiteConfig site = fleet::default_factory();
  site.speed = command.speed;
  const auto tokens = make_tokens(site);
  Tour tour;
  DUNLIN_TRY(tour.gateway, GatewayProcess::start(
                               tour_gateway(folder, local_address(listener_address(server, "mqtts")), tokens),
                               fs, end_because_of));
  site.connect.endpoints = {tour.gateway->listeners().at(0).to_string()};
  for (fleet::DeviceConfig& device : site.devices) device.endpoint = site.connect.endpoints.front();
  DUNLIN_TRY(tour.site,
             SiteProcess::start(site, [tokens](const std::string& device) -> Result<fleet::Credentials> {
               return fleet::Credentials{device, tokens.at(device), nullptr};
             }));
  return tour;
}

void print_welcome(const platform::Server& server, const platform::ServerConfig& config, const Tour& tour) {
  for (const platform::ListenerInfo& info : server.listeners()) {
    if (!info.note.empty())
      std::printf("%s listens on %s instead: %s\n", info.name.c_str(), info.address.to_string().c_str(),
                  info.note.c_str());
  }
  const std::string http = listener_address(server, "http");
  const std::string base = "http://localhost:" + http.substr(http.rfind(':') + 1);
  if (tour.site)
    std::printf("%zu simulated devices behind the gateway %s\n", tour.site->device_count(),
                std::string(kTourGateway).c_str());
  std::printf("data in %s\n", config.data_folder.c_str());
  if (server.claim_token()) {
    std::printf(
        "\nOpen this to sign in for the first time (valid once, for 24 hours):\n\n  %s/#/claim/%s\n\n",
        base.c_str(), server.claim_token()->c_str());
  } else {
    std::printf("\nDashboard: %s\n\n", base.c_str());
  }
  std::fflush(stdout);
}

}  // namespace

int run_up(const UpCommand& command) {
  keep_end_signals();
  const auto fs = make_system_fs();
  auto config = read_server_config(command.source, *fs, platform::BusyPort::takes_next);
  if (!config) return report(config.error());
  auto server = platform::Server::open(*config, *fs, end_because_of);
  if (!server) return report(server.error());
  if (auto started = (*server)->start(); !started) return report(started.error());
  Tour tour;
  if (command.site == UpCommand::Site::simulated) {
    auto running = start_tour(command, *config, **server, *fs);
    if (!running) return report(running.error());
    tour = *std::move(running);
  }
  print_ready(**server);
  print_welcome(**server, *config, tour);
  const int status = wait_for_end();
  tour.site.reset();
  tour.gateway.reset();
  (*server)->stop();
  return status;
}

}  // namespace dunlin::apps
