#pragma once
// The server's configuration: one struct, declared once, read from file, environment and --set.

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.h"
#include "hub/limits.h"
#include "model/mapping.h"
#include "net/address_range.h"
#include "net/limits.h"
#include "platform/blob_settings.h"
#include "security/authenticator.h"
#include "service/alarm/options.h"
#include "service/backup/limits.h"
#include "service/series/line_keys.h"
#include "transport/bridge/settings.h"
#include "transport/http/security_text.h"

namespace dunlin::transport {
enum class MetricsAccess : std::uint8_t;
}

namespace dunlin::platform {

/// What a listener does when its port is taken: `serve` ends with an error, `up` names the owner and takes
/// the next free one.
enum class BusyPort : std::uint8_t { is_error, takes_next };

/// How measurements come in.
struct SeriesOptions {
  series::LineOptions lines;  // of the line protocol
  Duration round_arrivals{};  // SeriesService::round_arrivals()
};

struct ServerConfig {
  std::string data_folder = "dunlin-data";
  std::string log_level = "info";

  // "address:port"; empty: no such listener. Port 0 takes a free one.
  std::string listen_mqtt = "127.0.0.1:1883";
  std::string listen_mqtts = "0.0.0.0:8883";
  std::string listen_https = "0.0.0.0:8443";
  std::string listen_http = "127.0.0.1:8080";
  std::string listen_tls;  // MQTT, HTTPS and WebSocket on one port
  BusyPort busy_port = BusyPort::is_error;

  // The path of a Unix socket for MQTT, and who may use it (as chmod has it, octal); empty: none.
  std::string listen_mqtt_unix;
  std::string unix_mode = "0660";

  // Listeners (mqtt, mqtts ...) behind a proxy that sends a PROXY header, and which proxies are believed.
  std::vector<std::string> proxied_listeners;
  std::vector<std::string> trusted_proxies;
  Duration proxy_header_deadline = std::chrono::seconds{5};

  // Revocation lists of client certificates: PEM or DER files.
  std::vector<std::string> client_crls;
  std::string stale_crl = "refuse";

  std::int64_t reactors = 0;  // 0: one per core
  std::int64_t workers = 3;
  std::int64_t query_threads = 0;  // 0: one per core

  std::vector<std::string> certificate_names;      // further DNS names of the server
  std::vector<std::string> certificate_addresses;  // further IP addresses of the server

  std::string key_token;          // URI of a PKCS#11 token; empty: our authority's keys are files
  std::string passphrase_source;  // of the vault: keys::read_secret(); empty: none

  std::string public_url;  // where certificates say that their status can be asked for; empty: nowhere

  transport::SecurityText security_text;  // /.well-known/security.txt
  std::string metrics_access = "local";

  bool anonymous_on_loopback = false;
  std::vector<std::string> token_audiences{std::string(security::kDefaultAudience)};
  bool create_things = true;
  alarm::AlarmOptions alarms{};
  Duration keep_audit = std::chrono::days{365};  // 0: for ever
  std::int64_t max_audit_records = 1'000'000;
  bool durable = true;

  std::string backup_folder;  // where system.backup goes; empty: only where the local command line says
  std::int64_t backups_kept = backup::kDefaultKept;

  std::uint64_t journal_segment_bytes = 16ULL << 20;
  std::uint64_t journal_max_bytes = 4ULL << 30;

  // New connections a second of one listener, in all and per source; 0: no limit.
  std::int64_t max_connection_rate = 0;
  std::int64_t max_connection_rate_per_address = 0;
  std::int64_t max_tls_handshakes = 1024;  // at once, per listener and reactor
  Duration tls_handshake_deadline = std::chrono::seconds{5};
  Duration connect_deadline = std::chrono::seconds{10};
  std::int64_t max_waiting_connections = 10'000;  // without a CONNECT, per reactor

  // A peer that takes nothing of what waits for it, and one that is silent, on TCP; 0: never.
  Duration stalled_after = net::Patience{}.stalled_after;
  Duration tcp_keepalive = net::Patience{}.keepalive_idle;

  // Publishes of a client, and of all clients of a tenant, a second; 0: no limit.
  std::int64_t publish_rate = 0;
  std::uint64_t publish_bytes_rate = 0;
  std::int64_t tenant_publish_rate = 0;
  std::uint64_t tenant_publish_bytes_rate = 0;
  Duration publish_burst = std::chrono::seconds{1};
  std::string publish_policy = "slow";
  std::optional<std::uint64_t> memory_budget;  // none: half of what there is; 0: no limit

  std::uint64_t max_packet_bytes = 1ULL << 20;
  std::int64_t receive_maximum = 100;
  std::int64_t max_queued_messages = 10'000;
  std::string shared_strategy = "round_robin";
  std::int64_t topic_alias_maximum = 10;
  std::int64_t outbound_topic_aliases = 32;
  std::int64_t server_keep_alive_max = 0;
  std::vector<std::string> denied_filters;
  std::string response_information;
  Duration sys_interval = std::chrono::seconds{10};  // 0: no $SYS topics

  std::vector<bridge::BridgeSettings> bridges;
  SeriesOptions series;
  BlobSettings blobs;
  std::vector<model::MappingRow> mapping;  // empty: Mapping::standard()
};

/// The listeners' names, as `listen.proxy_protocol.listeners` and the ready line have them.
inline constexpr std::array<std::string_view, 5> kListenerNames{"mqtt", "mqtts", "https", "http", "tls"};

/// The proxies that `config` trusts. Errors: invalid_argument.
Result<std::vector<net::AddressRange>> trusted_proxies(const ServerConfig& config);

/// `mqtt.shared_strategy` as the hub has it. Errors: invalid_argument.
Result<hub::SharedStrategy> shared_strategy(const ServerConfig& config);
/// `metrics.access` as the web server has it. Errors: invalid_argument.
Result<transport::MetricsAccess> metrics_access(const ServerConfig& config);
/// `limits.publish_policy` as the hub has it. Errors: invalid_argument.
Result<hub::OverRate> publish_policy(const ServerConfig& config);
/// `listen.mqtt_unix_mode` as a number. Errors: invalid_argument.
Result<unsigned> unix_mode(const ServerConfig& config);

/// Declares every key; `config` holds the defaults and must outlive the schema.
void declare_keys(config::Schema& schema, ServerConfig& config);

/// What declare_keys cannot see: listeners without TLS only on loopback, mapping rows. Errors:
/// invalid_argument, with the key.
Result<void> check(const ServerConfig& config);

}  // namespace dunlin::platform
