#pragma once
// The product's own MQTT client as a simulated device's.

#include <set>

#include "client.h"
#include "transport/mqtt/client.h"

namespace dunlin::sim {

/// Keeps what is not acknowledged in memory only, so its power never goes: drop() is leave().
class ProductClient final : public Client {
 public:
  ProductClient(net::Network& network, Executor& executor, Rng& rng, transport::ClientOptions options,
                ClientEvents events);
  ~ProductClient() override;

  Taken publish(std::string topic, std::string payload, mqtt::QoS qos, bool retain,
                std::uint64_t tag) override;
  void subscribe(std::string filter, mqtt::QoS qos) override;
  void start() override { client_.start(); }
  void drop(Duration pause) override { leave(pause); }
  void leave(Duration pause) override;
  void pause_reading() override {}
  void resume_reading() override {}
  bool idle() const override { return open_ == 0; }
  net::Connection* connection() override { return nullptr; }

 private:
  void try_publish(transport::ClientMessage message, std::uint64_t tag);

  Executor& executor_;
  ClientEvents events_;
  transport::MqttClient client_;
  std::size_t open_ = 0;
  std::set<TimerId> timers_;
};

}  // namespace dunlin::sim
