#pragma once
// A device's MQTT client written for the simulator alone, so that a fault of the product's own client cannot
// hide one of the server. It never forgets what it has not got acknowledged, as a device with a good flash
// memory would.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/rng.h"
#include "client.h"
#include "net/network.h"
#include "wire/mqtt/decode.h"
#include "wire/mqtt/encode.h"

namespace dunlin::sim {

struct ClientSetup {
  net::Network& network;  // of its host
  Executor& executor;
  Rng& rng;
  net::Endpoint server;
  std::string client_id;
  mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5;
  std::uint16_t keep_alive_seconds = 5;
  std::size_t window = 10;  // QoS 1 and 2 messages under way
  std::string token;        // the password; empty: none
};

class ScriptedClient final : public Client, public net::ConnectionHandler {
 public:
  ScriptedClient(ClientSetup setup, ClientEvents events);
  ~ScriptedClient() override;

  Taken publish(std::string topic, std::string payload, mqtt::QoS qos, bool retain,
                std::uint64_t tag) override;
  void subscribe(std::string filter, mqtt::QoS qos) override;
  void start() override;
  void drop(Duration pause) override;
  void leave(Duration pause) override;
  void pause_reading() override;
  void resume_reading() override;
  bool idle() const override { return queue_.empty() && in_flight_.empty(); }
  net::Connection* connection() override { return connection_.get(); }

  std::size_t on_data(ByteView bytes) override;
  void on_closed(net::CloseReason reason) override;

 private:
  struct Outgoing {
    std::string topic;
    std::string payload;
    mqtt::QoS qos;
    bool retain;
    std::uint64_t tag;
    std::uint16_t packet_id = 0;
    enum class Step : std::uint8_t { publish, release } step = Step::publish;
  };
  template <class P>
  void send(const P& packet);
  void connect();
  void connect_later(Duration pause);
  void connected(Result<std::unique_ptr<net::Connection>> result);
  void lose();
  void handle(const mqtt::Packet& packet);
  void handle_connack(const mqtt::Connack& connack);
  void handle_publish(const mqtt::Publish& publish);
  void handle_ack(const mqtt::Ack& ack);
  void finish(std::deque<Outgoing>::iterator entry, mqtt::ReasonCode reason);
  void pump();
  void send_publish(const Outgoing& outgoing, bool again);
  void tick();
  std::uint16_t take_packet_id();

  ClientSetup setup_;
  ClientEvents events_;
  std::unique_ptr<net::Connection> connection_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // shared: with attempts to connect that end later
  std::uint64_t attempt_ = 0;
  bool online_ = false;
  bool connecting_ = false;
  bool had_session_ = false;
  Instant last_heard_{};
  Instant last_sent_{};
  TimerId timer_;
  TimerId reconnect_;
  std::deque<Outgoing> queue_;
  std::deque<Outgoing> in_flight_;
  std::uint16_t last_packet_id_ = 0;
  std::set<std::uint16_t> receiving_;  // QoS 2 exchanges of the server
  std::map<std::string, mqtt::QoS> subscriptions_;
};

}  // namespace dunlin::sim
