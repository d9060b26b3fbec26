#pragma once
// What a bridge is told: the peer, and which topics go where.

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/config.h"
#include "base/result.h"
#include "hub/message.h"

namespace dunlin::bridge {

enum class Direction : std::uint8_t { out, in, both };

/// One line of `topics`, as mosquitto's bridges have it, with further words:
///   FILTER DIRECTION [QOS [LOCAL_PREFIX [REMOTE_PREFIX]]] [retain=no] [replace=LOCAL:REMOTE]
/// The filter is seen without the prefixes: what is LOCAL_PREFIX + t here is REMOTE_PREFIX + t there, for
/// every t that the filter matches. "" is an empty prefix. `replace` puts the leading levels REMOTE in the
/// place of LOCAL (and back) inside t. `$share/GROUP/FILTER` shares what comes in with other subscribers.
struct TopicRule {
  std::string filter;
  std::string share;  // group of the inbound subscription; empty: none
  Direction direction = Direction::out;
  hub::QoS qos = hub::QoS::at_most_once;  // the most
  std::string local_prefix;
  std::string remote_prefix;
  std::string replace_local;  // leading levels of t, without a slash at the end; empty: nothing is replaced
  std::string replace_remote;
  enum class Retain : std::uint8_t { keep, clear } retain = Retain::keep;

  bool goes_out() const { return direction != Direction::in; }
  bool comes_in() const { return direction != Direction::out; }
  /// What to subscribe to here, and there (with `$share/`).
  std::string local_filter() const;
  std::string remote_filter() const;
  /// The topic on the other side; empty: the rule does not match.
  std::string to_remote(std::string_view local_topic) const;
  std::string to_local(std::string_view remote_topic) const;
};

/// Errors: invalid_argument, limit_exceeded, with the line and what is expected.
Result<TopicRule> parse_topic_rule(std::string_view line);

enum class Full : std::uint8_t { drop_oldest, hold };
enum class Version : std::uint8_t { automatic, v5, v3_1_1 };

struct BridgeSettings {
  std::string name;
  std::string address;           // transport::parse_server_address()
  std::string version = "auto";  // "auto", "5" or "3.1.1"
  std::string client_id;         // empty: "dunlin-" + node + "-" + name
  std::string username;
  std::string password_file;
  std::string ca_file;  // empty: the system's roots
  std::string certificate_file;
  std::string key_file;
  std::string server_name;  // in the peer's certificate; empty: the address' host
  Duration keep_alive = std::chrono::seconds{60};
  bool clean_start = false;
  Duration session_expiry = std::chrono::hours{24 * 7};
  Duration connect_timeout = std::chrono::seconds{10};
  Duration least_backoff = std::chrono::milliseconds{500};
  Duration most_backoff = std::chrono::seconds{60};
  std::vector<std::string> topics;
  std::uint64_t max_queue_bytes = 1ULL << 30;  // of the journal, kept back for this bridge
  std::string full = "drop_oldest";            // or "hold"
  bool state_topic = true;
  Duration alarm_after = std::chrono::minutes{5};  // 0s: no alarm
};

/// Declares the keys of one [[bridge]] table; `settings` holds the defaults and must outlive the schema.
void declare_keys(config::Schema& row, BridgeSettings& settings);

/// Errors: invalid_argument, limit_exceeded, with the key.
Result<void> check(const BridgeSettings& settings);
Result<std::vector<TopicRule>> topic_rules(const BridgeSettings& settings);

/// The form of the API and of the stored document; durations in seconds, no secret. Errors: invalid_argument.
boost::json::object to_json(const BridgeSettings& settings);
Result<BridgeSettings> settings_from_json(const boost::json::object& object);

}  // namespace dunlin::bridge
