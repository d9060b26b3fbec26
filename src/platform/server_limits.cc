#include "platform/server_limits.h"

#include <algorithm>
#include <chrono>
#include <memory>

namespace dunlin::platform {
namespace {

TokenRate token_rate(double per_second, Duration burst) {
  const double at_once = per_second * std::chrono::duration<double>(burst).count();
  return {per_second, std::max(at_once, 1.0)};
}

}  // namespace

transport::ServerLimits mqtt_limits(const ServerConfig& config) {
  transport::ServerLimits limits;
  limits.max_packet_bytes = static_cast<std::size_t>(config.max_packet_bytes);
  limits.connect_deadline = config.connect_deadline;
  limits.max_waiting = static_cast<std::size_t>(config.max_waiting_connections);
  limits.receive_maximum = static_cast<std::uint16_t>(config.receive_maximum);
  limits.topic_alias_maximum = static_cast<std::uint16_t>(config.topic_alias_maximum);
  limits.outbound_topic_aliases = static_cast<std::uint16_t>(config.outbound_topic_aliases);
  limits.keep_alive_seconds = static_cast<std::uint16_t>(config.server_keep_alive_max);
  limits.denied_filters = config.denied_filters;
  limits.response_information = config.response_information;
  return limits;
}

hub::Limits hub_limits(const ServerConfig& config) {
  hub::Limits limits;
  limits.online_messages = static_cast<std::size_t>(config.max_queued_messages);
  limits.qos0_messages = static_cast<std::size_t>(config.max_queued_messages);
  limits.shared_strategy = shared_strategy(config).value();  // check() has seen it already
  const auto rate = [&config](auto per_second) {
    return token_rate(static_cast<double>(per_second), config.publish_burst);
  };
  limits.client_messages = rate(config.publish_rate);
  limits.client_bytes = rate(config.publish_bytes_rate);
  limits.tenant_messages = rate(config.tenant_publish_rate);
  limits.tenant_bytes = rate(config.tenant_publish_bytes_rate);
  limits.over_rate = publish_policy(config).value();
  return limits;
}

model::Mapping mapping_of(const ServerConfig& config) {
  if (config.mapping.empty()) return model::Mapping::standard();
  // check() has seen the rows already.
  return model::Mapping::make(config.mapping).value();
}

registry::RegistryOptions registry_options(const ServerConfig& config) {
  using FirstMessage = registry::RegistryOptions::FirstMessage;
  return {config.create_things ? FirstMessage::creates_thing : FirstMessage::ignored};
}

void set_limits(ListenerRequest& request, const ServerConfig& config,
                const std::vector<net::AddressRange>& proxies) {
  if (std::ranges::find(config.proxied_listeners, request.name) != config.proxied_listeners.end())
    request.proxy_protocol = net::ProxyProtocol{proxies, config.proxy_header_deadline};
  request.max_handshakes = static_cast<std::size_t>(config.max_tls_handshakes);
  request.handshake_deadline = config.tls_handshake_deadline;
  const net::ConnectionRate rate{static_cast<double>(config.max_connection_rate),
                                 static_cast<double>(config.max_connection_rate_per_address)};
  if (rate.in_all > 0 || rate.per_address > 0)
    request.limiter = std::make_shared<net::ConnectionLimiter>(rate);
}

Result<std::vector<ListenerRequest>> listener_requests(const ServerConfig& config,
                                                       const SecurityStack::Tls& tls,
                                                       const Acceptors& acceptors,
                                                       std::shared_ptr<const net::AddressBlocks> blocks) {
  using On = ListenerRequest::On;
  std::vector<ListenerRequest> wanted{
      {"mqtt", config.listen_mqtt, nullptr, On::every_reactor, acceptors.mqtt},
      {"mqtts", config.listen_mqtts, tls.devices, On::every_reactor, acceptors.mqtt},
      {"https", config.listen_https, tls.people, On::home, acceptors.web},
      {"http", config.listen_http, nullptr, On::home, acceptors.web},
      {"tls", config.listen_tls, tls.shared, On::every_reactor, acceptors.any}};
  if (!config.listen_mqtt_unix.empty()) {
    // One socket, one listener: the sessions' connections move to their reactors.
    wanted.push_back({"mqtt_unix", "unix:" + config.listen_mqtt_unix, nullptr, On::home, acceptors.mqtt});
    wanted.back().unix_mode = unix_mode(config).value();  // check() has seen it
  }
  DUNLIN_TRY(const auto proxies, trusted_proxies(config));
  for (ListenerRequest& request : wanted) {
    set_limits(request, config, proxies);
    request.blocks = blocks;
  }
  return wanted;
}

}  // namespace dunlin::platform
