#include "edge/config.h"

#include <algorithm>
#include <boost/json.hpp>
#include <memory>
#include <set>

#include "base/hex.h"
#include "edge/limits.h"
#include "hub/topic.h"
#include "net/connection.h"
#include "security/topic_pattern.h"
#include "service/forward/limits.h"
#include "service/rules/rule.h"

namespace dunlin::edge {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr double kNoLimit = 1e308;

void declare_uplink(config::Schema& schema, GatewayConfig& config) {
  schema.key("uplink.endpoint", "The platform's MQTT over TLS, \"host:port\"; empty: none.",
             config.uplink_endpoint);
  schema.key("uplink.server_name", "The name in the platform's certificate; empty: the endpoint's host.",
             config.uplink_server_name);
  schema.key("uplink.client_id", "MQTT client id; empty: the gateway's name.", config.uplink_client_id);
  schema.key("uplink.ca_file", "PEM of the authority that signed the platform's certificate.",
             config.uplink_ca_file);
  schema.key("uplink.certificate_file", "PEM of the gateway's certificate.", config.uplink_certificate_file);
  schema.key("uplink.key_file", "PEM of its private key, or the pkcs11: URI of one in a token.",
             config.uplink_key_file);
  schema.key("uplink.keep_alive", "The longest silence on the line.", config.uplink_keep_alive, seconds{5},
             hours{18});
  schema.key("uplink.session_expiry", "How long the platform keeps the session while the line is down.",
             config.uplink_session_expiry, seconds{60}, hours{24 * 365});
  schema.key("uplink.subscribe", "Further topic filters that come down.", config.uplink_subscribe);
}

void declare_listeners(config::Schema& schema, GatewayConfig& config) {
  schema.key("listen.mqtt", "MQTT without TLS; loopback only. \"address:port\", empty: off.",
             config.listen_mqtt);
  schema.key("listen.mqtts", "MQTT over TLS for local devices; empty: off.", config.listen_mqtts);
  schema.key("listen.certificate_file", "PEM of the certificate shown to local devices.",
             config.listen_certificate_file);
  schema.key(
      "listen.key_file",
      "PEM of its private key, a pkcs11: URI, or a text that `dunlin seal` has made for the uplink's key.",
      config.listen_key_file);
  schema.key("listen.anonymous_on_loopback", "Clients on loopback need no credentials.",
             config.anonymous_on_loopback);
  schema.table_array(
      "device", "A device that may connect.",
      [&config](config::Schema& row) -> std::function<Result<void>()> {
        auto device =
            std::make_shared<LocalDevice>();  // shared by the keys and the function that runs after them
        row.key("name", "The thing's name and its MQTT user name.", device->name);
        row.key("token_sha256", "SHA-256 of its token (the MQTT password), in hexadecimal.",
                device->token_sha256);
        row.key("allow", "Topics besides its own.", device->allow);
        return [&config, device]() -> Result<void> {
          config.devices.push_back(*device);
          return {};
        };
      });
}

void declare_aggregates(config::Schema& schema, GatewayConfig& config) {
  schema.table_array(
      "aggregate", "Channels that go up as summaries only.",
      [&config](config::Schema& row) -> std::function<Result<void>()> {
        struct Row {
          forward::AggregateRule rule;
          std::int64_t count = 60;
          double low = -kNoLimit;
          double high = kNoLimit;
        };
        auto read = std::make_shared<Row>();  // shared by the keys and the function that runs after them
        row.key("filter", "Topic filter.", read->rule.filter);
        row.key("count", "Readings in a window; 0: by time only.", read->count, 0,
                static_cast<std::int64_t>(forward::kMaxWindowCount));
        row.key("window", "Length of a window; 0s: by count only.", read->rule.window, seconds{0},
                forward::kMaxWindow);
        row.key("anomaly_sigma", "A reading this many std from the last window's mean is an anomaly; 0: off.",
                read->rule.anomaly_sigma, 0, 1000);
        row.key("low", "A reading below is an anomaly.", read->low, -kNoLimit, kNoLimit);
        row.key("high", "A reading above is an anomaly.", read->high, -kNoLimit, kNoLimit);
        return [&config, read]() -> Result<void> {
          read->rule.count = static_cast<std::uint64_t>(read->count);
          if (read->low > -kNoLimit) read->rule.low = read->low;
          if (read->high < kNoLimit) read->rule.high = read->high;
          config.aggregates.push_back(read->rule);
          return forward::check(read->rule);
        };
      });
}

void declare_rules(config::Schema& schema, GatewayConfig& config) {
  schema.table_array(
      "rule", "A rule that runs on the gateway.",
      [&config](config::Schema& row) -> std::function<Result<void>()> {
        auto rule =
            std::make_shared<LocalRule>();  // shared by the keys and the function that runs after them
        row.key("name", "Its name.", rule->name);
        row.key("sql", "SELECT ... FROM 'filter' WHERE ...", rule->sql);
        row.key("description", "For people.", rule->description);
        row.key("actions", "JSON list of actions, as in the API.", rule->actions);
        return [&config, rule]() -> Result<void> {
          config.rules.push_back(*rule);
          return {};
        };
      });
}

Result<void> check_listeners(const GatewayConfig& config) {
  if (!config.listen_mqtt.empty()) {
    DUNLIN_TRY(const net::Endpoint plain, net::parse_endpoint(config.listen_mqtt));
    if (!plain.is_loopback()) {
      return fail(Errc::invalid_argument,
                  "listen.mqtt: without TLS only loopback is allowed (127.0.0.1 or [::1]); use listen.mqtts");
    }
  }
  if (config.listen_mqtts.empty()) return {};
  DUNLIN_CHECK(net::parse_endpoint(config.listen_mqtts));
  if (config.listen_certificate_file.empty() || config.listen_key_file.empty()) {
    return fail(Errc::invalid_argument, "listen.mqtts needs listen.certificate_file and listen.key_file");
  }
  return {};
}

Result<void> check_devices(const GatewayConfig& config) {
  if (config.devices.size() > kMaxDevices)
    return fail(Errc::limit_exceeded, "more than 10000 [[device]] tables");
  std::set<std::string> names;
  for (const LocalDevice& device : config.devices) {
    const bool usable = !device.name.empty() && device.name.find_first_of("/+#$") == std::string::npos;
    if (!usable) return fail(Errc::invalid_argument, "device: a name must not be empty or hold / + # $");
    if (!names.insert(device.name).second)
      return fail(Errc::invalid_argument, "device " + device.name + ": named twice");
    const auto digest = from_hex(device.token_sha256);
    if (!digest || digest->size() != 32) {
      return fail(Errc::invalid_argument,
                  "device " + device.name + ": token_sha256 must be 64 hexadecimal digits");
    }
    for (const std::string& pattern : device.allow) DUNLIN_CHECK(security::TopicPattern::parse(pattern));
  }
  return {};
}

Result<void> check_uplink(const GatewayConfig& config) {
  if (config.uplink_endpoint.empty()) return {};
  DUNLIN_CHECK(net::parse_endpoint(config.uplink_endpoint));
  const bool all = !config.uplink_ca_file.empty() && !config.uplink_certificate_file.empty() &&
                   !config.uplink_key_file.empty();
  if (!all)
    return fail(Errc::invalid_argument,
                "uplink: needs ca_file, certificate_file and key_file: the line is mutually authenticated");
  return {};
}

}  // namespace

void declare_keys(config::Schema& schema, GatewayConfig& config) {
  schema.key("gateway.name", "The gateway's thing name on the platform.", config.name);
  schema.key("data.folder", "Where everything is kept.", config.data_folder);
  declare_uplink(schema, config);
  declare_listeners(schema, config);
  schema.key("forward.filters", "Topics that go up to the platform.", config.forward_filters);
  schema.bytes("store_and_forward.max_bytes", "Most bytes of the journal.", config.max_bytes,
               forward::kMinJournalBytes, 1ULL << 44);
  schema.key("store_and_forward.drop", "What goes when it is full: oldest or newest.", config.drop);
  declare_aggregates(schema, config);
  declare_rules(schema, config);
}

Result<void> check(const GatewayConfig& config) {
  if (config.name.empty() || config.name.find_first_of("/+#$") != std::string::npos) {
    return fail(Errc::invalid_argument, "gateway.name must not be empty or hold / + # $");
  }
  if (config.drop != "oldest" && config.drop != "newest") {
    return fail(Errc::invalid_argument, "store_and_forward.drop must be oldest or newest");
  }
  DUNLIN_CHECK(check_uplink(config));
  DUNLIN_CHECK(check_listeners(config));
  DUNLIN_CHECK(check_devices(config));
  if (config.forward_filters.size() + config.aggregates.size() > forward::kMaxFilters) {
    return fail(Errc::limit_exceeded, "forward.filters and [[aggregate]] hold more than 256 filters");
  }
  for (const auto& filters : {config.forward_filters, config.uplink_subscribe}) {
    for (const std::string& filter : filters) DUNLIN_CHECK(hub::check_filter(filter));
  }
  for (const forward::AggregateRule& rule : config.aggregates) DUNLIN_CHECK(forward::check(rule));
  for (const LocalRule& rule : config.rules) DUNLIN_CHECK(rule_document(rule));
  return {};
}

Result<boost::json::object> rule_document(const LocalRule& rule) {
  boost::system::error_code error;
  boost::json::value actions = boost::json::parse(rule.actions, error);
  if (error) return fail(Errc::invalid_argument, "rule " + rule.name + ": actions is not JSON");
  boost::json::object document{{"name", rule.name},
                               {"sql", rule.sql},
                               {"description", rule.description},
                               {"actions", std::move(actions)}};
  if (auto valid = rules::rule_from_json(document); !valid) {
    return fail(valid.error().code, "rule " + rule.name + ": " + valid.error().message);
  }
  return document;
}

}  // namespace dunlin::edge
