#pragma once
// The line to the platform: one MQTT 5 session that outlives its connections.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "base/rng.h"
#include "edge/config.h"
#include "hub/bus.h"
#include "net/network.h"
#include "service/forward/upstream.h"
#include "transport/mqtt/client.h"

namespace dunlin::edge {

struct UplinkEnvironment {
  net::Network& network;
  Executor& executor;
  Rng& rng;
  hub::Bus& bus;
  metrics::Registry& metrics;
  std::shared_ptr<net::TlsClientContext> tls;  // shared with the connections made under it; null: plain (tests)
};

/// What comes down is published to the local hub by the service "uplink", and acknowledged when it is stored there. One executor's
/// thread. Everything named in the environment outlives it.
class Uplink final : public forward::Upstream {
 public:
  /// The configuration has been checked and names an endpoint.
  Uplink(UplinkEnvironment environment, const GatewayConfig& config);
  ~Uplink() override;

  enum class State : std::uint8_t { down, up };
  void on_state(std::function<void(State)> handler) { on_state_ = std::move(handler); }
  void start();
  void stop();

  void publish(hub::Message message, hub::PublishDone done) override;
  /// Lets the platform's answers for a thing behind the gateway come down.
  void follow_child(const std::string& name);

  State state() const { return state_; }
  /// Why the line is down, for people; empty while it is up or not yet tried.
  const std::string& reason() const { return reason_; }
  WallTime since() const { return since_; }

 private:
  void changed(transport::ClientState state, std::string_view reason);
  void came_down(transport::ClientMessage message, Task handled);
  void subscribe(const std::string& filter);

  UplinkEnvironment environment_;
  PrincipalRef self_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // shared: with tasks that may run after the end
  transport::MqttClient client_;
  std::function<void(State)> on_state_;
  State state_ = State::down;
  std::string reason_;
  WallTime since_{};
  metrics::Cell& up_;
  metrics::Cell& connections_;
  metrics::Cell& received_;
  metrics::Cell& not_stored_;
};

}  // namespace dunlin::edge
