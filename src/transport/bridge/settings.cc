#include "transport/bridge/settings.h"

#include <algorithm>
#include <boost/json.hpp>

#include "hub/limits.h"
#include "transport/bridge/limits.h"
#include "transport/mqtt/server_address.h"

namespace dunlin::bridge {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

double seconds_of(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

Result<void> check_name(const std::string& name) {
  const auto usable = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  if (!name.empty() && name.size() <= kMaxNameBytes && std::ranges::all_of(name, usable)) return {};
  return fail(
      Errc::invalid_argument,
      "bridge: a name has 1 to 64 letters, digits, dots, dashes or underscores, not \"" + name + "\"");
}

Result<void> check_tls(const BridgeSettings& settings, const transport::ServerAddress& address) {
  const bool names_files =
      !settings.ca_file.empty() || !settings.certificate_file.empty() || !settings.key_file.empty();
  if (names_files && !address.is_tls())
    return fail(Errc::invalid_argument,
                "files of TLS are named, but the address is without TLS: write mqtts:// or "
                "wss://");
  if (settings.certificate_file.empty() != settings.key_file.empty())
    return fail(Errc::invalid_argument, "certificate_file and key_file belong together");
  return {};
}

Result<void> check_words(const BridgeSettings& settings) {
  if (settings.version != "auto" && settings.version != "5" && settings.version != "3.1.1")
    return fail(Errc::invalid_argument, "version must be auto, 5 or 3.1.1");
  if (settings.full != "drop_oldest" && settings.full != "hold")
    return fail(Errc::invalid_argument, "full must be drop_oldest or hold");
  if (settings.client_id.size() > hub::kMaxClientIdBytes)
    return fail(Errc::limit_exceeded, "client_id is too long");
  if (!settings.password_file.empty() && settings.username.empty())
    return fail(Errc::invalid_argument, "password_file needs a username");
  if (settings.least_backoff > settings.most_backoff)
    return fail(Errc::invalid_argument, "least_backoff must not be longer than most_backoff");
  return {};
}

/// The keys with their types, once for configuration, API and document.
struct Texts {
  const char* key;
  const char* help;
  std::string BridgeSettings::* member;
};
constexpr Texts kTexts[] = {
    {"name", "The bridge's name.", &BridgeSettings::name},
    {"address", "mqtt://host:1883, mqtts://host:8883, ws://host:8080/mqtt or wss://host:8443/mqtt.",
     &BridgeSettings::address},
    {"version", "auto (5, else 3.1.1), 5 or 3.1.1.", &BridgeSettings::version},
    {"client_id", "MQTT client id at the peer; empty: made of this server's id and the name.",
     &BridgeSettings::client_id},
    {"username", "User name at the peer.", &BridgeSettings::username},
    {"password_file", "File with the password, one line.", &BridgeSettings::password_file},
    {"ca_file", "PEM of the authorities that are trusted; empty: the system's.", &BridgeSettings::ca_file},
    {"certificate_file", "PEM of this side's certificate.", &BridgeSettings::certificate_file},
    {"key_file", "PEM of its private key.", &BridgeSettings::key_file},
    {"server_name", "The name in the peer's certificate; empty: the address' host.",
     &BridgeSettings::server_name},
    {"full",
     "What happens past max_queue_bytes: drop_oldest or hold (publishers are refused once the journal is "
     "full).",
     &BridgeSettings::full}};

struct Durations {
  const char* key;
  const char* help;
  Duration BridgeSettings::* member;
  Duration least;
  Duration most;
};
constexpr Durations kDurations[] = {
    {"keep_alive", "The longest silence on the line.", &BridgeSettings::keep_alive, seconds{5}, hours{18}},
    {"session_expiry", "How long the peer keeps the session while the line is down.",
     &BridgeSettings::session_expiry, seconds{0}, hours{24 * 365}},
    {"connect_timeout", "How long a connection may take.", &BridgeSettings::connect_timeout,
     milliseconds{100}, minutes{2}},
    {"least_backoff", "The first pause before a new attempt.", &BridgeSettings::least_backoff,
     milliseconds{10}, minutes{10}},
    {"most_backoff", "The longest pause.", &BridgeSettings::most_backoff, milliseconds{100}, hours{1}},
    {"alarm_after", "An alarm is raised when the bridge is down for so long; 0s: none.",
     &BridgeSettings::alarm_after, seconds{0}, hours{24 * 30}}};

Result<std::vector<std::string>> text_list(const boost::json::value& value) {
  std::vector<std::string> texts;
  const auto* array = value.if_array();
  if (array == nullptr) return fail(Errc::invalid_argument, "topics must be a list of texts");
  for (const boost::json::value& item : *array) {
    const auto* text = item.if_string();
    if (text == nullptr) return fail(Errc::invalid_argument, "topics must be a list of texts");
    texts.emplace_back(*text);
  }
  return texts;
}

Result<void> read_member(BridgeSettings& settings, std::string_view key, const boost::json::value& value) {
  if (const auto* known = std::ranges::find(kTexts, key, &Texts::key); known != std::end(kTexts)) {
    if (!value.is_string()) return fail(Errc::invalid_argument, std::string(key) + " must be a text");
    settings.*known->member = std::string(value.get_string());
    return {};
  }
  if (const auto* known = std::ranges::find(kDurations, key, &Durations::key);
      known != std::end(kDurations)) {
    if (!value.is_number())
      return fail(Errc::invalid_argument, std::string(key) + " must be a number of seconds");
    const double wish = value.to_number<double>();
    if (!(wish >= seconds_of(known->least) && wish <= seconds_of(known->most)))
      return fail(Errc::invalid_argument, std::string(key) + " must be " +
                                              std::to_string(seconds_of(known->least)) + " to " +
                                              std::to_string(seconds_of(known->most)) + " seconds");
    settings.*known->member = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(wish));
    return {};
  }
  if (key == "topics") {
    DUNLIN_TRY(settings.topics, text_list(value));
    return {};
  }
  if (key == "max_queue_bytes") {
    if (!value.is_int64() || value.get_int64() < static_cast<std::int64_t>(kMinQueueBytes))
      return fail(Errc::invalid_argument, "max_queue_bytes must be a whole number of at least 1048576");
    settings.max_queue_bytes = static_cast<std::uint64_t>(value.get_int64());
    return {};
  }
  if (key != "clean_start" && key != "state_topic")
    return fail(Errc::invalid_argument, "\"" + std::string(key) + "\" is no setting of a bridge");
  if (!value.is_bool()) return fail(Errc::invalid_argument, std::string(key) + " must be true or false");
  (key == "clean_start" ? settings.clean_start : settings.state_topic) = value.get_bool();
  return {};
}

}  // namespace

void declare_keys(config::Schema& row, BridgeSettings& settings) {
  for (const Texts& text : kTexts) row.key(text.key, text.help, settings.*text.member);
  for (const Durations& one : kDurations)
    row.key(one.key, one.help, settings.*one.member, one.least, one.most);
  row.key("topics",
          "FILTER DIRECTION [QOS [LOCAL_PREFIX [REMOTE_PREFIX]]] [retain=no] [replace=LOCAL:REMOTE]",
          settings.topics);
  row.key("clean_start", "The peer forgets the session with every connection.", settings.clean_start);
  row.bytes("max_queue_bytes", "Most bytes of the journal that are kept back for this bridge.",
            settings.max_queue_bytes, kMinQueueBytes, 1ULL << 44);
  row.key("state_topic", "1 or 0 is retained at $SYS/broker/connection/NAME/state.", settings.state_topic);
}

Result<std::vector<TopicRule>> topic_rules(const BridgeSettings& settings) {
  if (settings.topics.empty())
    return fail(Errc::invalid_argument,
                "bridge " + settings.name + ": topics is empty: nothing would go anywhere");
  if (settings.topics.size() > kMaxTopicsPerBridge)
    return fail(Errc::limit_exceeded, "bridge " + settings.name + ": more than 256 topics");
  std::vector<TopicRule> rules;
  for (const std::string& line : settings.topics) {
    auto rule = parse_topic_rule(line);
    if (!rule) return fail(rule.error().code, "bridge " + settings.name + ": " + rule.error().message);
    rules.push_back(*std::move(rule));
  }
  return rules;
}

Result<void> check(const BridgeSettings& settings) {
  DUNLIN_CHECK(check_name(settings.name));
  const auto in_bridge = [&](Result<void> result) -> Result<void> {
    if (result) return result;
    return fail(result.error().code, "bridge " + settings.name + ": " + result.error().message);
  };
  const auto address = transport::parse_server_address(settings.address);
  if (!address) return in_bridge(std::unexpected(address.error()));
  DUNLIN_CHECK(in_bridge(check_tls(settings, *address)));
  DUNLIN_CHECK(in_bridge(check_words(settings)));
  if (auto rules = topic_rules(settings); !rules) return std::unexpected(rules.error());
  return {};
}

boost::json::object to_json(const BridgeSettings& settings) {
  boost::json::object object;
  for (const Texts& text : kTexts) object[text.key] = settings.*text.member;
  for (const Durations& one : kDurations) object[one.key] = seconds_of(settings.*one.member);
  boost::json::array topics;
  for (const std::string& line : settings.topics) topics.emplace_back(line);
  object["topics"] = std::move(topics);
  object["clean_start"] = settings.clean_start;
  object["max_queue_bytes"] = static_cast<std::int64_t>(settings.max_queue_bytes);
  object["state_topic"] = settings.state_topic;
  return object;
}

Result<BridgeSettings> settings_from_json(const boost::json::object& object) {
  BridgeSettings settings;
  for (const auto& [key, value] : object) DUNLIN_CHECK(read_member(settings, key, value));
  DUNLIN_CHECK(check(settings));
  return settings;
}

}  // namespace dunlin::bridge
