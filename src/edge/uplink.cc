#include "edge/uplink.h"

#include "base/log.h"

namespace dunlin::edge {
namespace {

transport::ClientOptions client_options(const UplinkEnvironment& environment, const GatewayConfig& config) {
  transport::ClientOptions options;
  options.connection.endpoint = net::parse_endpoint(config.uplink_endpoint).value_or(net::Endpoint{});
  options.connection.tls = environment.tls;
  options.connection.server_name =
      config.uplink_server_name.empty() ? options.connection.endpoint.host : config.uplink_server_name;
  if (environment.tls) options.connection.application_protocols = {"mqtt"};
  options.client_id = config.uplink_client_id.empty() ? config.name : config.uplink_client_id;
  options.start = transport::ClientOptions::Start::resume;
  options.session_expiry_seconds = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(config.uplink_session_expiry).count());
  options.keep_alive_seconds = static_cast<std::uint16_t>(
      std::chrono::duration_cast<std::chrono::seconds>(config.uplink_keep_alive).count());
  return options;
}

}  // namespace

Uplink::Uplink(UplinkEnvironment environment, const GatewayConfig& config)
    : environment_(std::move(environment)),
      self_(make_service_principal(forward::kUplinkName)),
      client_(environment_.network, environment_.executor, environment_.rng,
              client_options(environment_, config)),
      up_(environment_.metrics.gauge("dunlin_edge_uplink_up", "1 while the line to the platform is up")),
      connections_(environment_.metrics.counter("dunlin_edge_uplink_connections_total",
                                                "Connections to the platform")),
      received_(
          environment_.metrics.counter("dunlin_edge_uplink_received_total", "Messages from the platform")),
      not_stored_(environment_.metrics.counter("dunlin_edge_uplink_not_stored_total",
                                               "Messages from the platform that the journal refused")) {
  client_.on_state([this](transport::ClientState state, std::string_view reason) { changed(state, reason); });
  client_.on_message([this](transport::ClientMessage message, Task handled) {
    came_down(std::move(message), std::move(handled));
  });
  for (const std::string& filter : config.uplink_subscribe) subscribe(filter);
}

Uplink::~Uplink() = default;

void Uplink::start() {
  client_.start();
}
void Uplink::stop() {
  client_.stop();
}

void Uplink::changed(transport::ClientState state, std::string_view reason) {
  const State now = state == transport::ClientState::online ? State::up : State::down;
  if (state == transport::ClientState::offline) reason_ = reason;
  if (now == state_) return;
  state_ = now;
  since_ = environment_.executor.wall_now();
  up_.set(now == State::up ? 1 : 0);
  if (now == State::up) {
    reason_.clear();
    connections_.add();
    log::info("edge", "the line to the platform is up");
  } else {
    log::warning("edge", "the line to the platform is down", {{"why", reason}});
  }
  // Later: the client sends what was under way first, so that the order is kept.
  environment_.executor.post([this, alive = std::weak_ptr<int>(alive_), now] {
    if (!alive.expired() && on_state_ && state_ == now) on_state_(now);
  });
}

void Uplink::publish(hub::Message message, hub::PublishDone done) {
  transport::ClientMessage out;
  out.topic = std::move(message.topic);
  out.payload = std::move(message.payload);
  out.qos = message.qos;
  out.retain = message.retain;
  out.properties = std::move(message.properties);
  client_.publish(std::move(out), std::move(done));
}

void Uplink::subscribe(const std::string& filter) {
  hub::SubscriptionOptions options;
  options.qos = hub::QoS::at_least_once;
  client_.subscribe(filter, options, [filter](Result<void> result) {
    if (!result)
      log::warning("edge", "the platform refuses a subscription",
                   {{"filter", filter}, {"why", result.error().message}});
  });
}

void Uplink::follow_child(const std::string& name) {
  subscribe("$dunlin/things/" + name + "/shadow/+/+");
  subscribe("$dunlin/things/" + name + "/alarms/+/rejected");
}

void Uplink::came_down(transport::ClientMessage message, Task handled) {
  received_.add();
  hub::Message in;
  in.topic = std::move(message.topic);
  in.payload = std::move(message.payload);
  in.qos = std::min(message.qos, hub::QoS::at_least_once);
  in.properties = std::move(message.properties);
  in.principal = self_;
  // Without an acknowledgement the platform delivers again with the next connection.
  auto stored = [this, alive = std::weak_ptr<int>(alive_),
                 handled = std::move(handled)](Result<void> result) mutable {
    if (result) return handled();
    if (alive.expired()) return;
    not_stored_.add();
    log::refusal("edge", "a message from the platform is not stored", "platform",
                 {{"why", result.error().message}});
  };
  environment_.bus.publish(environment_.executor, std::move(in), std::move(stored));
}

}  // namespace dunlin::edge
