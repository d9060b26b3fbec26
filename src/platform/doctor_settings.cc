// The configuration: what a server offers to whom, and which of its defences are switched off.
#include <algorithm>
#include <array>

#include "net/connection.h"
#include "platform/doctor.h"

namespace dunlin::platform {
namespace {

using Severity = Finding::Severity;

constexpr Duration kSlowConnect = std::chrono::seconds{60};
constexpr Duration kSlowHandshake = std::chrono::seconds{30};
constexpr Duration kShortAudit = std::chrono::days{30};
constexpr std::int64_t kFewAuditRecords = 10'000;
constexpr std::uint64_t kLargePacket = 64ULL << 20;

struct Listener {
  std::string_view key;
  const std::string& address;
  std::uint16_t usual_port;
};

bool is_everywhere(const net::Endpoint& endpoint) {
  return endpoint.host == "0.0.0.0" || endpoint.host == "::";
}

/// Whether anyone but this machine can reach the server.
bool is_exposed(const ServerConfig& config) {
  return std::ranges::any_of(std::array{&config.listen_mqtts, &config.listen_https, &config.listen_tls},
                             [](const std::string* address) {
                               const auto endpoint = net::parse_endpoint(*address);
                               return endpoint && !endpoint->is_loopback();
                             });
}

void check_listeners(const ServerConfig& config, Findings& found) {
  const Listener listeners[] = {{"listen.mqtts", config.listen_mqtts, 8883},
                                {"listen.https", config.listen_https, 8443},
                                {"listen.tls", config.listen_tls, 443}};
  for (const Listener& listener : listeners) {
    const auto endpoint = net::parse_endpoint(listener.address);
    if (!endpoint || !is_everywhere(*endpoint)) continue;
    const std::string key(listener.key);
    const bool usual = endpoint->port == listener.usual_port;
    found.push_back({Severity::note, usual ? "default_port_exposed" : "listener_on_all_addresses",
                     key + " takes connections on every address of this machine" +
                         (usual ? ", at the port that scanners try first" : ""),
                     "networks that were not meant to can reach it",
                     "--set " + key + "=ADDRESS:" + std::to_string(endpoint->port) +
                         " with the address that devices and people use, or a firewall"});
  }
}

void check_anonymous(const ServerConfig& config, Findings& found) {
  if (!config.anonymous_on_loopback) return;
  found.push_back({Severity::warning, "anonymous",
                   "clients on this machine need no credentials (security.anonymous_on_loopback)",
                   "every program and user of the machine may publish and subscribe to almost everything",
                   "--set security.anonymous_on_loopback=false"});
}

void check_socket(const ServerConfig& config, Findings& found) {
  const auto mode = unix_mode(config);
  if (config.listen_mqtt_unix.empty() || !mode || (*mode & 0007U) == 0) return;
  const bool open = config.anonymous_on_loopback;
  found.push_back({open ? Severity::error : Severity::warning, "socket_for_everyone",
                   "every user of this machine may use the socket " + config.listen_mqtt_unix,
                   open ? "and none of them needs credentials" : "only credentials keep them apart",
                   "--set listen.mqtt_unix_mode=0660"});
}

void check_limits(const ServerConfig& config, Findings& found) {
  const auto limit = [&](std::string id, std::string what, std::string why, std::string mend) {
    found.push_back({Severity::warning, std::move(id), std::move(what), std::move(why), std::move(mend)});
  };
  if (is_exposed(config) && config.max_connection_rate_per_address == 0)
    limit("no_connection_limit", "one address may open any number of connections a second",
          "a single machine can keep the server busy with handshakes",
          "--set listen.max_connection_rate_per_address=100 (more where a whole fleet has one address)");
  if (is_exposed(config) && config.publish_rate == 0)
    limit("no_publish_limit", "one client may publish at any rate",
          "a device that is broken or taken over slows all others down", "--set limits.publish_rate=1000");
  if (config.memory_budget == 0U)
    limit("no_memory_budget", "there is no memory budget (limits.memory_budget)",
          "under attack the kernel ends the server instead of the server refusing what is new",
          "--set limits.memory_budget=auto");
  if (config.connect_deadline > kSlowConnect)
    limit("slow_connects", "a connection may take more than a minute to become a session",
          "half-open connections pile up", "--set mqtt.connect_deadline=10s");
  if (config.tls_handshake_deadline > kSlowHandshake)
    limit("slow_handshakes", "a TLS handshake may take more than half a minute", "half handshakes pile up",
          "--set listen.tls_handshake_deadline=5s");
  if (config.max_packet_bytes > kLargePacket)
    limit("large_packets", "a packet may have more than 64 MiB", "a few clients fill the memory",
          "--set mqtt.max_packet_bytes=1MiB");
}

void check_promises(const ServerConfig& config, Findings& found) {
  if (!config.durable)
    found.push_back({Severity::warning, "not_durable", "there is no journal (journal.durable)",
                     "messages that were acknowledged are lost with the process",
                     "--set journal.durable=true"});
  if (config.stale_crl == "accept")
    found.push_back({Severity::warning, "stale_lists_accepted",
                     "revocation lists count on past their end (listen.client_crl_expired)",
                     "who keeps a new list from the server keeps a revoked certificate alive",
                     "--set listen.client_crl_expired=refuse"});
  const bool brief = config.keep_audit != Duration::zero() && config.keep_audit < kShortAudit;
  if (brief || config.max_audit_records < kFewAuditRecords)
    found.push_back({Severity::warning, "short_audit",
                     "audit records go after less than 30 days, or 10,000 of them",
                     "an attack that is found late has left no trace",
                     "--set audit.keep=365d --set audit.max_records=1000000"});
  if (config.metrics_access == "open" && is_exposed(config))
    found.push_back(
        {Severity::note, "metrics_open", "everybody who reaches the server reads /metrics (metrics.access)",
         "it tells how large the installation is, how busy, and what it refuses",
         "--set metrics.access=local, and a token for who reads it from elsewhere: dunlin token create "
         "--owner NAME --permissions '[\"metrics:read\"]' --days 365"});
  if (config.log_level == "debug")
    found.push_back({Severity::note, "debug_log", "the log tells everything (log.level)",
                     "it names clients and topics of everyone", "--set log.level=info"});
}

void check_bridges(const ServerConfig& config, Findings& found) {
  for (const bridge::BridgeSettings& settings : config.bridges) {
    const bool plain = settings.address.starts_with("mqtt://") || settings.address.starts_with("ws://");
    const auto endpoint =
        net::parse_endpoint(std::string_view(settings.address).substr(settings.address.find("//") + 2));
    if (!plain || (endpoint && endpoint->is_loopback())) continue;
    found.push_back({settings.password_file.empty() ? Severity::warning : Severity::error,
                     "bridge_without_tls", "the bridge " + settings.name + " speaks without TLS",
                     settings.password_file.empty()
                         ? "what it carries can be read and changed on the way"
                         : "its password and what it carries can be read on the way",
                     "address = \"mqtts://...\" in its [[bridge]] table"});
  }
}

}  // namespace

Findings check_settings(const ServerConfig& config) {
  Findings found;
  check_anonymous(config, found);
  check_socket(config, found);
  check_listeners(config, found);
  check_limits(config, found);
  check_promises(config, found);
  check_bridges(config, found);
  return found;
}

}  // namespace dunlin::platform
