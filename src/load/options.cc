#include "load/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "wire/mqtt/topic.h"

namespace dunlin::load {
namespace {

constexpr std::array<std::pair<LoadMode, std::string_view>, 7> kModes{{{LoadMode::pairs, "pairs"},
                                                                       {LoadMode::fan_out, "fan-out"},
                                                                       {LoadMode::fan_in, "fan-in"},
                                                                       {LoadMode::shared, "shared"},
                                                                       {LoadMode::idle, "idle"},
                                                                       {LoadMode::churn, "churn"},
                                                                       {LoadMode::retained, "retained"}}};

template <class... Values>
std::unexpected<Error> wrong(fmt::format_string<Values...> text, Values&&... values) {
  return fail(Errc::invalid_argument, fmt::format(text, std::forward<Values>(values)...));
}

bool sends_messages(LoadMode mode) {
  return mode != LoadMode::idle && mode != LoadMode::churn;
}

Result<void> check_clients(const LoadOptions& options) {
  if (options.subscribers == 0) return wrong("a load needs a subscriber (idle and churn: a connection)");
  if (options.publishers == 0 && sends_messages(options.mode)) return wrong("a load needs a publisher");
  if (options.publishers > kMaxConnections || options.subscribers > kMaxConnections ||
      options.publishers + options.subscribers > kMaxConnections)
    return wrong("at most {} connections", kMaxConnections);
  if (options.connecting == 0 || options.connecting > kMaxConnecting)
    return wrong("1 to {} connections can be set up at once", kMaxConnecting);
  const bool many = options.mode != LoadMode::pairs && sends_messages(options.mode);
  if (many && options.publishers * options.subscribers > kMaxStreams)
    return wrong("publishers times subscribers may be at most {}", kMaxStreams);
  if (options.tls == nullptr && options.server.is_tls())
    return wrong("{} needs a CA file, to know the server's certificate", to_string(options.server));
  return {};
}

Result<void> check_messages(const LoadOptions& options) {
  if (options.payload_bytes < kStampBytes || options.payload_bytes > kMaxPayloadBytes)
    return wrong("a payload has {} to {} bytes", kStampBytes, kMaxPayloadBytes);
  if (options.window > kMaxWindow) return wrong("a window has at most {} messages", kMaxWindow);
  if (options.batch == 0 || options.batch > kMaxWindow)
    return wrong("a batch has 1 to {} messages", kMaxWindow);
  if (options.rate < 0 || options.rate > kMaxRate)
    return wrong("the rate is at most {} messages a second", kMaxRate);
  if (options.rate > 0 && (!sends_messages(options.mode) || options.mode == LoadMode::retained))
    return wrong("a rate has no meaning in the mode {}", load_mode_name(options.mode));
  if (options.duration <= Duration::zero() || options.duration > kMaxDuration)
    return wrong("the duration is more than nothing and at most 24 hours");
  if (options.retained_messages == 0 || options.retained_messages > kMaxRetained)
    return wrong("1 to {} retained messages", kMaxRetained);
  if (options.subscriptions > kMaxSubscriptions)
    return wrong("at most {} further subscriptions", kMaxSubscriptions);
  if (options.subscriptions > 0 && (options.mode == LoadMode::churn || options.mode == LoadMode::retained))
    return wrong("further subscriptions have no meaning in the mode {}", load_mode_name(options.mode));
  if (options.topic_prefix.size() > kMaxTopicPrefixBytes ||
      (!options.topic_prefix.empty() &&
       mqtt::check_topic_name(options.topic_prefix) != mqtt::TopicFault::none))
    return wrong("the topic prefix must be a topic name of at most {} bytes", kMaxTopicPrefixBytes);
  return {};
}

/// The usual window, less where too much would be under way.
std::size_t usual_window(const LoadOptions& options) {
  const std::size_t usual = options.qos == mqtt::QoS::at_most_once ? kQos0Window : kQos12Window;
  const std::size_t deliveries = kMaxDeliveriesInFlight / (receivers(options) * options.publishers);
  const std::size_t bytes = kMaxBytesInFlight / (options.payload_bytes * options.publishers);
  return std::clamp<std::size_t>(std::min(deliveries, bytes), 1, usual);
}

}  // namespace

std::string_view load_mode_name(LoadMode mode) {
  return kModes.at(static_cast<std::size_t>(mode)).second;
}

Result<LoadMode> parse_load_mode(std::string_view name) {
  for (const auto& [mode, known] : kModes) {
    if (known == name) return mode;
  }
  return wrong("there is no mode \"{}\": pairs, fan-out, fan-in, shared, idle, churn or retained", name);
}

std::size_t receivers(const LoadOptions& options) {
  const bool one = options.mode == LoadMode::pairs || options.mode == LoadMode::shared;
  return one ? 1 : options.subscribers;
}

Result<LoadOptions> checked(LoadOptions options) {
  if (options.mode == LoadMode::pairs) options.subscribers = options.publishers;
  if (!sends_messages(options.mode)) options.publishers = 0;
  DUNLIN_CHECK(check_clients(options));
  DUNLIN_CHECK(check_messages(options));
  if (!sends_messages(options.mode)) return options;
  if (options.window == 0) {
    options.window = options.rate > 0 ? kMaxWindow : std::max(usual_window(options), options.batch);
  }
  if (options.batch > options.window) return wrong("a batch must fit into the window");
  if (options.rate == 0 && options.window * options.publishers * options.payload_bytes > kMaxBytesInFlight)
    return wrong("windows of all publishers together may hold at most {} bytes", kMaxBytesInFlight);
  return options;
}

}  // namespace dunlin::load
