#pragma once
// The gateway's configuration: one struct, declared once, read from file, environment and --set.

#include <string>
#include <vector>

#include <boost/json/fwd.hpp>

#include "base/config.h"
#include "service/forward/forward_queue.h"

namespace dunlin::edge {

/// A device that may connect to the gateway. Its MQTT user name is `name`, its password the token.
struct LocalDevice {
  std::string name;
  std::string token_sha256;        // SHA-256 of the token, in hexadecimal
  std::vector<std::string> allow;  // topics besides its own; may name ${thing.name}
};

/// A rule that runs on the gateway.
struct LocalRule {
  std::string name;
  std::string sql;
  std::string description;
  std::string actions = "[]";  // JSON, as in the API
};

struct GatewayConfig {
  std::string name;  // the gateway's thing name; also its MQTT client id unless uplink.client_id says otherwise
  std::string data_folder = "dunlin-gateway-data";

  std::string uplink_endpoint;     // "host:port"; empty: no platform, everything stays here
  std::string uplink_server_name;  // in the platform's certificate; empty: the endpoint's host
  std::string uplink_client_id;
  std::string uplink_ca_file;
  std::string uplink_certificate_file;
  std::string uplink_key_file;
  Duration uplink_keep_alive = std::chrono::seconds{30};
  Duration uplink_session_expiry = std::chrono::hours{24 * 7};
  std::vector<std::string> uplink_subscribe;  // what comes down besides the answers for the things behind

  std::string listen_mqtt = "127.0.0.1:1883";  // without TLS; loopback only; empty: none
  std::string listen_mqtts;                    // with TLS; empty: none
  std::string listen_certificate_file;
  std::string listen_key_file;
  bool anonymous_on_loopback = false;
  std::vector<LocalDevice> devices;

  std::vector<std::string> forward_filters = {"+/+/+/+/+"};
  std::uint64_t max_bytes = 1024ULL * 1024 * 1024;
  std::string drop = "oldest";  // or "newest"
  std::vector<forward::AggregateRule> aggregates;
  std::vector<LocalRule> rules;
};

/// Declares every key; `config` holds the defaults and must outlive the schema.
void declare_keys(config::Schema& schema, GatewayConfig& config);

/// The rule as the rules service takes it. Errors: those of rules::rule_from_json().
Result<boost::json::object> rule_document(const LocalRule& rule);

/// What declare_keys cannot see. Errors: invalid_argument, limit_exceeded, with the key.
Result<void> check(const GatewayConfig& config);

}  // namespace dunlin::edge
