#include "platform/config.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/core/utf8.h"
#include "hub/topic.h"
#include "keys/secret_source.h"
#include "keys/token_uri.h"
#include "net/connection.h"
#include "net/limits.h"
#include "platform/client_crls.h"
#include "security/pki.h"
#include "service/query/limits.h"
#include "transport/bridge/limits.h"
#include "transport/http/web_server.h"
#include "transport/mqtt/limits.h"

namespace dunlin::platform {
namespace {

void declare_threads(config::Schema& schema, ServerConfig& config) {
  schema.key("threads.reactors", "Threads that serve connections; 0: one per core.", config.reactors, 0, 64);
  schema.key("threads.workers", "Threads for work that blocks (disk, signing).", config.workers, 1, 64);
  schema.key("query.threads", "Threads that read and group for queries over series; 0: one per core.",
             config.query_threads, 0, query::kMaxQueryThreads);
}

void declare_listeners(config::Schema& schema, ServerConfig& config) {
  schema.key("listen.mqtt", "MQTT without TLS; loopback only. \"address:port\", empty: off.",
             config.listen_mqtt);
  schema.key("listen.mqtts", "MQTT over TLS.", config.listen_mqtts);
  schema.key("listen.https", "Dashboard, API and MQTT over WebSocket, over TLS.", config.listen_https);
  schema.key("listen.http", "The same without TLS; loopback only.", config.listen_http);
  schema.key("listen.tls", "MQTT, HTTPS and WebSocket over TLS on one port; empty: off.", config.listen_tls);
  schema.key("listen.mqtt_unix", "MQTT on a Unix socket: its path, empty: off.", config.listen_mqtt_unix);
  schema.key("listen.mqtt_unix_mode", "Who may use that socket: three octal digits after a 0.",
             config.unix_mode);
  schema.key("listen.proxy_protocol.listeners",
             "Listeners whose connections begin with a PROXY header: mqtt, mqtts, https, http, tls.",
             config.proxied_listeners);
  schema.key("listen.proxy_protocol.trusted",
             "The proxies that may send one, as 192.0.2.0/24 or 2001:db8::/32; others are refused.",
             config.trusted_proxies);
  schema.key("listen.proxy_protocol.deadline", "How long a header may take.", config.proxy_header_deadline,
             std::chrono::milliseconds{100}, std::chrono::minutes{1});
  schema.key("listen.max_connection_rate", "New connections a second of one listener; 0: no limit.",
             config.max_connection_rate, 0, 1'000'000);
  schema.key("listen.max_connection_rate_per_address", "The same per source address; 0: no limit.",
             config.max_connection_rate_per_address, 0, 1'000'000);
  schema.key("listen.max_tls_handshakes", "TLS handshakes at once, per listener and reactor.",
             config.max_tls_handshakes, 1, 100'000);
  schema.key("listen.client_crl", "Revocation lists of client certificates: PEM or DER files.",
             config.client_crls);
  schema.key("listen.client_crl_expired",
             "What a list past its next update does: refuse (its issuer's certificates) or accept.",
             config.stale_crl);
  schema.key("listen.tls_handshake_deadline", "How long a TLS handshake may take.",
             config.tls_handshake_deadline, std::chrono::milliseconds{100}, std::chrono::minutes{1});
}

constexpr std::int64_t kMaxPublishRate = 10'000'000;
constexpr std::uint64_t kMaxPublishBytesRate = 1ULL << 40;
constexpr std::uint64_t kMaxMemoryBudget = 1ULL << 50;

void declare_limits(config::Schema& schema, ServerConfig& config) {
  schema.key("limits.publish_rate", "Publishes a second of one client; 0: no limit.", config.publish_rate, 0,
             kMaxPublishRate);
  schema.bytes("limits.publish_bytes_rate", "Bytes a second, of topics and payloads; 0: no limit.",
               config.publish_bytes_rate, 0, kMaxPublishBytesRate);
  schema.key("limits.tenant_publish_rate", "Publishes a second of all clients of a tenant; 0: no limit.",
             config.tenant_publish_rate, 0, kMaxPublishRate);
  schema.bytes("limits.tenant_publish_bytes_rate", "Bytes a second of all of them; 0: no limit.",
               config.tenant_publish_bytes_rate, 0, kMaxPublishBytesRate);
  schema.key("limits.publish_burst", "What so much time brings at these rates may come at once.",
             config.publish_burst, std::chrono::milliseconds{100}, std::chrono::hours{1});
  schema.key("limits.publish_policy",
             "Past a rate: slow (the client is not read for a while) or refuse (MQTT 5: Quota exceeded).",
             config.publish_policy);
  schema.bytes("limits.memory_budget",
               "What the process may have in memory; auto: half of what the machine or control group has; 0: "
               "no limit.",
               config.memory_budget, 0, kMaxMemoryBudget);
  schema.key("listen.stalled_after",
             "A peer that takes nothing of what waits for it is cut off after this; 0s: never.",
             config.stalled_after, Duration::zero(), std::chrono::hours{1});
  schema.key("listen.tcp_keepalive",
             "A peer that is silent for so long is asked by TCP whether it is there; 0s: never.",
             config.tcp_keepalive, Duration::zero(), std::chrono::hours{9});
}

void declare_mqtt_features(config::Schema& schema, ServerConfig& config) {
  schema.key("mqtt.topic_alias_maximum", "Topic aliases that a client may give; 0: none.",
             config.topic_alias_maximum, 0, 1000);
  schema.key("mqtt.outbound_topic_aliases",
             "Topic aliases that the server gives to one client, at most as many as that takes; 0: none.",
             config.outbound_topic_aliases, 0, 1000);
  schema.key("mqtt.server_keep_alive_max",
             "Seconds: a client that asks for more, or for none, is given this; 0: as the client wishes.",
             config.server_keep_alive_max, 0, 65535);
  schema.key("mqtt.denied_filters",
             "A subscription to nothing but what one of these matches is refused. No access control.",
             config.denied_filters);
  schema.key(
      "mqtt.response_information",
      "Told to clients that ask for it: where answers may go. {client_id} is replaced; empty: nothing.",
      config.response_information);
  schema.key("mqtt.sys_interval", "How often the topics below $SYS are published; 0s: never.",
             config.sys_interval, Duration::zero(), std::chrono::hours{1});
}

void declare_mapping(config::Schema& schema, ServerConfig& config) {
  schema.table_array(
      "mapping", "How a topic and its payload become samples; none: the native telemetry topics.",
      [&config](config::Schema& row) -> std::function<Result<void>()> {
        struct Row {
          model::MappingRow mapping;
          std::string payload = "json";
        };
        auto read = std::make_shared<Row>();  // shared by the keys and the function that runs after them
        row.key("pattern", "Topic levels: text, + or {device_id}, {telemetry_type} ...",
                read->mapping.pattern);
        row.key("payload", "json, cbor, senml or binary", read->payload);
        row.key("channel", "The channel where the pattern names none.", read->mapping.channel);
        row.key("unit", "SenML unit where the payload states none.", read->mapping.unit);
        return [&config, read]() -> Result<void> {
          DUNLIN_TRY(read->mapping.payload, model::payload_shape(read->payload));
          config.mapping.push_back(read->mapping);
          return {};
        };
      });
}

void declare_series(config::Schema& schema, ServerConfig& config) {
  series::LineOptions& lines = config.series.lines;
  schema.key(
      "series.round_arrivals",
      "Times of arrival, which measurements over MQTT have that state none, become multiples of this, down "
      "(regular times take less room; of two in one step the later stays). 0: they stay.",
      config.series.round_arrivals, Duration::zero(), std::chrono::hours{1});
  schema.key("series.line_protocol.device_tags",
             "The first of these tags that a line has names the device: docs/guide/ingest.md.",
             lines.device_tags);
  schema.key("series.line_protocol.channel_tags",
             "The values of these tags become part of the channel, between measurement and field.",
             lines.channel_tags);
  schema.key("series.line_protocol.plain_measurement",
             "The fields of this measurement are channels by themselves; empty: none.",
             lines.plain_measurement);
}

void declare_bridges(config::Schema& schema, ServerConfig& config) {
  schema.table_array("bridge", "A bridge to another MQTT server: docs/guide/bridges.md.",
                     [&config](config::Schema& row) -> std::function<Result<void>()> {
                       auto read = std::make_shared<bridge::BridgeSettings>();  // shared: as above
                       bridge::declare_keys(row, *read);
                       return [&config, read]() -> Result<void> {
                         config.bridges.push_back(*read);
                         return bridge::check(*read);
                       };
                     });
}

Result<void> check_bridges(const ServerConfig& config) {
  if (config.bridges.size() > bridge::kMaxBridges)
    return fail(Errc::limit_exceeded, "more than 64 [[bridge]] tables");
  std::set<std::string> names;
  for (const bridge::BridgeSettings& settings : config.bridges) {
    if (!names.insert(settings.name).second)
      return fail(Errc::invalid_argument, "bridge " + settings.name + ": named twice");
  }
  return {};
}

Result<void> check_listener(const std::string& key, const std::string& value, bool plain) {
  if (value.empty()) return {};
  const auto endpoint = net::parse_endpoint(value);
  if (!endpoint) return fail(Errc::invalid_argument, key + ": " + endpoint.error().message);
  if (plain && !endpoint->is_loopback()) {
    return fail(Errc::invalid_argument,
                key + " = \"" + value +
                    "\": a listener without TLS is allowed on loopback only (127.0.0.1 or [::1])");
  }
  return {};
}

Result<void> check_unix_socket(const ServerConfig& config) {
  if (auto mode = unix_mode(config); !mode) return std::unexpected(mode.error());
  const std::string& path = config.listen_mqtt_unix;
  if (!path.empty() && (path.front() != '/' || path.size() > net::kMaxUnixPathBytes)) {
    return fail(Errc::invalid_argument, "listen.mqtt_unix must be an absolute path of at most " +
                                            std::to_string(net::kMaxUnixPathBytes) + " bytes");
  }
  return {};
}

Result<void> check_proxies(const ServerConfig& config) {
  for (const std::string& name : config.proxied_listeners) {
    if (std::find(kListenerNames.begin(), kListenerNames.end(), name) == kListenerNames.end()) {
      return fail(Errc::invalid_argument, "listen.proxy_protocol.listeners: \"" + name +
                                              "\" is none of mqtt, mqtts, https, http, tls");
    }
  }
  if (auto ranges = trusted_proxies(config); !ranges) return std::unexpected(ranges.error());
  if (!config.proxied_listeners.empty() && config.trusted_proxies.empty()) {
    return fail(Errc::invalid_argument,
                "listen.proxy_protocol.trusted must name the proxies, since listen.proxy_protocol.listeners "
                "names listeners: without one every connection would be refused");
  }
  return {};
}

Result<void> check_mqtt_features(const ServerConfig& config) {
  if (config.denied_filters.size() > transport::kMaxDeniedFilters) {
    return fail(Errc::invalid_argument, "mqtt.denied_filters may name at most " +
                                            std::to_string(transport::kMaxDeniedFilters) + " filters");
  }
  for (const std::string& filter : config.denied_filters) {
    if (const auto valid = hub::check_filter(filter); !valid || filter.starts_with("$share/")) {
      return fail(Errc::invalid_argument, "mqtt.denied_filters: \"" + filter + "\" is no topic filter");
    }
  }
  if (config.response_information.size() > transport::kMaxResponseInformationBytes ||
      !is_valid_mqtt_utf8(config.response_information)) {
    return fail(Errc::invalid_argument, "mqtt.response_information must be text of at most " +
                                            std::to_string(transport::kMaxResponseInformationBytes) +
                                            " bytes");
  }
  return {};
}

void declare_alarms(config::Schema& schema, ServerConfig& config) {
  schema.key("alarms.keep_cleared", "How long cleared alarms stay.", config.alarms.retention.keep_cleared,
             std::chrono::hours{1}, std::chrono::days{3650});
  alarm::FlappingRule& flapping = config.alarms.flapping;
  schema.key(
      "alarms.flapping_changes",
      "An alarm that is raised and cleared so many times within alarms.flapping_within is flapping: it "
      "stays open and is told of again when it is steady; 0: none is.",
      flapping.changes, 0, alarm::kMaxFlappingChanges);
  schema.key("alarms.flapping_within", "See alarms.flapping_changes.", flapping.within,
             std::chrono::seconds{1}, std::chrono::hours{24});
  schema.key("alarms.flapping_calm", "How long without a change, and a flapping alarm is steady.",
             flapping.calm, std::chrono::seconds{1}, std::chrono::hours{24});
  schema.key("alarms.escalate_after",
             "An alarm that nobody acknowledges for so long becomes one severity more, up to critical; 0s: "
             "never.",
             config.alarms.escalate_after, Duration{0}, std::chrono::days{30});
}

void declare_web(config::Schema& schema, ServerConfig& config) {
  schema.key("security_txt.contact",
             "Whom to tell of a fault in this installation, e.g. \"mailto:security@example.com\": URIs that "
             "/.well-known/security.txt names, the preferred one first; empty: it is not served.",
             config.security_text.contacts);
  schema.key("security_txt.policy",
             "The page that says how such reports are treated, e.g. \"https://example.com/security\"; empty: "
             "none is named.",
             config.security_text.policy);
  schema.key(
      "metrics.access",
      "Who reads /metrics without a token that has metrics:read: local (programs on this machine), token "
      "(nobody) or open (everybody).",
      config.metrics_access);
}

Result<void> check_audiences(const ServerConfig& config) {
  const auto fits = [](const std::string& one) {
    return !one.empty() && one.size() <= security::kMaxAudienceBytes && is_valid_mqtt_utf8(one);
  };
  const auto& all = config.token_audiences;
  if (!all.empty() && all.size() <= security::kMaxAudiences && std::ranges::all_of(all, fits)) return {};
  return fail(Errc::invalid_argument, "security.token_audiences must name 1 to " +
                                          std::to_string(security::kMaxAudiences) + " audiences of at most " +
                                          std::to_string(security::kMaxAudienceBytes) + " bytes");
}

}  // namespace

Result<unsigned> unix_mode(const ServerConfig& config) {
  const std::string& text = config.unix_mode;
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (text.size() != 4 || text[0] != '0' || error != std::errc() || end != text.data() + text.size()) {
    return fail(Errc::invalid_argument, "listen.mqtt_unix_mode must be four octal digits such as 0660");
  }
  return mode;
}

Result<std::vector<net::AddressRange>> trusted_proxies(const ServerConfig& config) {
  std::vector<net::AddressRange> ranges;
  for (const std::string& text : config.trusted_proxies) {
    const auto range = net::AddressRange::parse(text);
    if (!range)
      return fail(Errc::invalid_argument, "listen.proxy_protocol.trusted: " + range.error().message);
    ranges.push_back(*range);
  }
  return ranges;
}

void declare_keys(config::Schema& schema, ServerConfig& config) {
  schema.key("data.folder", "Where everything is kept.", config.data_folder);
  schema.key("log.level", "debug, info, warning or error.", config.log_level);
  declare_listeners(schema, config);
  declare_threads(schema, config);
  schema.key("certificate.names", "Further DNS names of this server.", config.certificate_names);
  schema.key("certificate.addresses", "Further IP addresses of this server.", config.certificate_addresses);
  schema.key(
      "pki.public_url",
      "Where /pki/ of this server is found from outside, e.g. \"http://pki.example.com\": certificates then "
      "name their revocation list and OCSP responder; empty: they do not.",
      config.public_url);
  schema.key(
      "pki.token",
      "The PKCS#11 token in which new keys of this server's authority are made, e.g. "
      "\"pkcs11:token=dunlin?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/dunlin/pin\"; "
      "empty: in files.",
      config.key_token);
  schema.key("vault.passphrase",
             "Where the passphrase of protected keys comes from (dunlin vault protect): \"file:/PATH\", "
             "\"env:NAME\", \"credential:NAME\" (systemd) or \"prompt\"; never the passphrase itself.",
             config.passphrase_source);
  declare_web(schema, config);
  schema.key("security.anonymous_on_loopback", "Clients on loopback need no credentials (benchmarks only).",
             config.anonymous_on_loopback);
  schema.key(
      "security.token_audiences",
      "What things' signed tokens may name as their audience (\"aud\" of a JWT, first part of \"sr\").",
      config.token_audiences);
  schema.key("registry.create_things", "An unknown device becomes a thing with its first message.",
             config.create_things);
  declare_alarms(schema, config);
  schema.key("audit.keep", "How long audit records stay; 0s: for ever.", config.keep_audit, Duration{0},
             std::chrono::days{36'500});
  schema.key("audit.max_records", "Past so many the oldest audit records go.", config.max_audit_records, 100,
             100'000'000);
  schema.key("backup.folder",
             "Where backups go that are asked for over the network (docs/guide/backup.md), outside the data "
             "folder; empty: only the command line on this machine takes backups.",
             config.backup_folder);
  schema.key("backup.keep", "Backups that stay there; older ones go.", config.backups_kept, 1,
             static_cast<std::int64_t>(backup::kMaxKept));
  schema.key("journal.durable", "QoS 1 and 2 are acknowledged after they are on the disk.", config.durable);
  schema.bytes("journal.segment_bytes", "Size of a journal file.", config.journal_segment_bytes, 1 << 20,
               1ULL << 30);
  schema.bytes("journal.max_bytes", "Past it publishers are refused.", config.journal_max_bytes, 4 << 20,
               1ULL << 44);
  schema.bytes("mqtt.max_packet_bytes", "Largest MQTT packet.", config.max_packet_bytes, 1024, 256ULL << 20);
  schema.key("mqtt.connect_deadline", "How long a connection may take to become a session.",
             config.connect_deadline, std::chrono::milliseconds{100}, std::chrono::minutes{5});
  schema.key("mqtt.max_waiting_connections",
             "Connections without a CONNECT so far, per reactor; past it the oldest is cut off.",
             config.max_waiting_connections, 1, 1'000'000);
  schema.key("mqtt.receive_maximum", "QoS 1 and 2 messages in flight per client.", config.receive_maximum, 1,
             65535);
  schema.key("mqtt.shared_strategy",
             "Who of a shared subscription gets a message: round_robin, least_in_flight or sticky.",
             config.shared_strategy);
  schema.key("mqtt.max_queued_messages", "Messages waiting for one session.", config.max_queued_messages, 1,
             1'000'000);
  declare_mqtt_features(schema, config);
  declare_limits(schema, config);
  declare_mapping(schema, config);
  declare_series(schema, config);
  declare_keys(schema, config.blobs);
  declare_bridges(schema, config);
}

Result<hub::SharedStrategy> shared_strategy(const ServerConfig& config) {
  if (config.shared_strategy == "round_robin") return hub::SharedStrategy::round_robin;
  if (config.shared_strategy == "least_in_flight") return hub::SharedStrategy::least_in_flight;
  if (config.shared_strategy == "sticky") return hub::SharedStrategy::sticky;
  return fail(Errc::invalid_argument, "mqtt.shared_strategy must be round_robin, least_in_flight or sticky");
}

Result<transport::MetricsAccess> metrics_access(const ServerConfig& config) {
  if (config.metrics_access == "local") return transport::MetricsAccess::local;
  if (config.metrics_access == "token") return transport::MetricsAccess::token;
  if (config.metrics_access == "open") return transport::MetricsAccess::open;
  return fail(Errc::invalid_argument, "metrics.access must be local, token or open");
}

Result<hub::OverRate> publish_policy(const ServerConfig& config) {
  if (config.publish_policy == "slow") return hub::OverRate::slow;
  if (config.publish_policy == "refuse") return hub::OverRate::refuse;
  return fail(Errc::invalid_argument, "limits.publish_policy must be slow or refuse");
}

namespace {

Result<void> check_series(const ServerConfig& config) {
  const series::LineOptions& lines = config.series.lines;
  if (lines.device_tags.empty())
    return fail(Errc::invalid_argument, "series.line_protocol.device_tags must name a tag");
  if (lines.device_tags.size() > series::kMaxNamedTags || lines.channel_tags.size() > series::kMaxNamedTags)
    return fail(Errc::invalid_argument, "series.line_protocol may name at most 16 tags of a kind");
  return {};
}

Result<void> check_keys(const ServerConfig& config) {
  if (!config.key_token.empty()) {
    const auto uri = keys::parse_token_uri(config.key_token);
    if (!uri) return fail(uri.error().code, "pki.token: " + uri.error().message);
    if (!uri->object.empty() || !uri->id.empty())
      return fail(Errc::invalid_argument, "pki.token must name a token, not a key in it");
  }
  if (config.passphrase_source.empty()) return {};
  const auto source = keys::check_secret_source(config.passphrase_source);
  return source ? source : fail(source.error().code, "vault.passphrase: " + source.error().message);
}

}  // namespace

Result<void> check(const ServerConfig& config) {
  if (auto policy = publish_policy(config); !policy) return std::unexpected(policy.error());
  if (auto strategy = shared_strategy(config); !strategy) return std::unexpected(strategy.error());
  DUNLIN_CHECK(check_listener("listen.mqtt", config.listen_mqtt, true));
  DUNLIN_CHECK(check_listener("listen.http", config.listen_http, true));
  DUNLIN_CHECK(check_listener("listen.mqtts", config.listen_mqtts, false));
  DUNLIN_CHECK(check_listener("listen.https", config.listen_https, false));
  DUNLIN_CHECK(check_listener("listen.tls", config.listen_tls, false));
  DUNLIN_CHECK(check_proxies(config));
  DUNLIN_CHECK(check_unix_socket(config));
  DUNLIN_CHECK(check_mqtt_features(config));
  DUNLIN_CHECK(check_audiences(config));
  DUNLIN_CHECK(check_keys(config));
  if (auto access = metrics_access(config); !access) return std::unexpected(access.error());
  DUNLIN_CHECK(transport::check_security_text(config.security_text));
  if (const auto url = security::check_public_url(config.public_url); !url)
    return fail(Errc::invalid_argument, "pki.public_url: " + url.error().message);
  if (config.client_crls.size() > kMaxCrlFiles)
    return fail(Errc::invalid_argument, "listen.client_crl may name at most 16 files");
  if (config.stale_crl != "refuse" && config.stale_crl != "accept")
    return fail(Errc::invalid_argument, "listen.client_crl_expired must be refuse or accept");
  if (!config.backup_folder.empty() && !config.backup_folder.starts_with('/'))
    return fail(Errc::invalid_argument, "backup.folder must be an absolute path");
  if (config.log_level != "debug" && config.log_level != "info" && config.log_level != "warning" &&
      config.log_level != "error") {
    return fail(Errc::invalid_argument, "log.level must be debug, info, warning or error");
  }
  DUNLIN_CHECK(check_bridges(config));
  DUNLIN_CHECK(check_series(config));
  if (auto mapping = model::Mapping::make(config.mapping); !mapping) return std::unexpected(mapping.error());
  return {};
}

}  // namespace dunlin::platform
