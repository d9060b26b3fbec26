#include "platform/config.h"

#include "net/connection.h"

namespace dunlin::platform {
namespace {

void declare_listeners(config::Schema& schema, ServerConfig& config) {
  schema.key("listen.mqtt", "MQTT without TLS; loopback only. \"address:port\", empty: off.",
             config.listen_mqtt);
  schema.key("listen.mqtts", "MQTT over TLS.", config.listen_mqtts);
  schema.key("listen.https", "Dashboard, API and MQTT over WebSocket, over TLS.", config.listen_https);
  schema.key("listen.http", "The same without TLS; loopback only.", config.listen_http);
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
        row.key("payload", "json or binary", read->payload);
        row.key("channel", "The channel where the pattern names none.", read->mapping.channel);
        row.key("unit", "SenML unit where the payload states none.", read->mapping.unit);
        return [&config, read]() -> Result<void> {
          if (read->payload != "json" && read->payload != "binary") {
            return fail(Errc::invalid_argument, "payload must be json or binary");
          }
          read->mapping.payload =
              read->payload == "json" ? model::PayloadShape::json : model::PayloadShape::binary;
          config.mapping.push_back(read->mapping);
          return {};
        };
      });
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

}  // namespace

void declare_keys(config::Schema& schema, ServerConfig& config) {
  schema.key("data.folder", "Where everything is kept.", config.data_folder);
  schema.key("log.level", "debug, info, warning or error.", config.log_level);
  declare_listeners(schema, config);
  schema.key("threads.reactors", "Threads that serve connections; 0: one per core.", config.reactors, 0, 64);
  schema.key("threads.workers", "Threads for work that blocks (disk, signing).", config.workers, 1, 64);
  schema.key("certificate.names", "Further DNS names of this server.", config.certificate_names);
  schema.key("certificate.addresses", "Further IP addresses of this server.", config.certificate_addresses);
  schema.key("security.anonymous_on_loopback", "Clients on loopback need no credentials (benchmarks only).",
             config.anonymous_on_loopback);
  schema.key("registry.create_things", "An unknown device becomes a thing with its first message.",
             config.create_things);
  schema.key("alarms.keep_cleared", "How long cleared alarms stay.", config.keep_cleared_alarms,
             std::chrono::hours{1}, std::chrono::days{3650});
  schema.key("journal.durable", "QoS 1 and 2 are acknowledged after they are on the disk.", config.durable);
  schema.bytes("journal.segment_bytes", "Size of a journal file.", config.journal_segment_bytes, 1 << 20,
               1ULL << 30);
  schema.bytes("journal.max_bytes", "Past it publishers are refused.", config.journal_max_bytes, 4 << 20,
               1ULL << 44);
  schema.bytes("mqtt.max_packet_bytes", "Largest MQTT packet.", config.max_packet_bytes, 1024, 256ULL << 20);
  schema.key("mqtt.receive_maximum", "QoS 1 and 2 messages in flight per client.", config.receive_maximum, 1,
             65535);
  schema.key("mqtt.max_queued_messages", "Messages waiting for one session.", config.max_queued_messages, 1,
             1'000'000);
  declare_mapping(schema, config);
}

Result<void> check(const ServerConfig& config) {
  DUNLIN_CHECK(check_listener("listen.mqtt", config.listen_mqtt, true));
  DUNLIN_CHECK(check_listener("listen.http", config.listen_http, true));
  DUNLIN_CHECK(check_listener("listen.mqtts", config.listen_mqtts, false));
  DUNLIN_CHECK(check_listener("listen.https", config.listen_https, false));
  if (config.log_level != "debug" && config.log_level != "info" && config.log_level != "warning" &&
      config.log_level != "error") {
    return fail(Errc::invalid_argument, "log.level must be debug, info, warning or error");
  }
  if (auto mapping = model::Mapping::make(config.mapping); !mapping) return std::unexpected(mapping.error());
  return {};
}

}  // namespace dunlin::platform
