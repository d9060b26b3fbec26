#pragma once
// Test-only: an MQTT server for one subscriber that loses, doubles or reorders messages when told to.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "net/network.h"
#include "wire/mqtt/decode.h"
#include "wire/mqtt/encode.h"

namespace dunlin::load::test {

class FaultyServer {
 public:
  /// What the subscriber gets for message `number` (counted over all publishers): its bytes and those held
  /// back are the fault's to send.
  using Fault = std::function<void(std::uint64_t number, ByteView packet, FaultyServer& server)>;
  struct Answers {
    mqtt::ReasonCode connect = mqtt::ReasonCode::success;
    mqtt::ReasonCode subscribe = mqtt::ReasonCode::success;
    std::uint16_t receive_maximum = 65'535;
  };

  FaultyServer(net::Network& network, Executor& executor, Fault fault, Answers answers)
      : fault_(std::move(fault)), answers_(answers) {
    net::ListenOptions options;
    options.endpoint = {"127.0.0.1", 0};
    listener_ = *network.listen(executor, options, [this](std::unique_ptr<net::Connection> connection) {
      peers_.push_back(std::make_unique<Peer>(*this, std::move(connection)));
    });
  }

  net::Endpoint local() const { return listener_->local(); }
  void deliver(ByteView packet) {
    if (subscriber_ != nullptr) subscriber_->write(packet);
  }
  /// Ends the subscriber's connection.
  void cut() { subscriber_->abort(); }
  std::vector<std::uint8_t> held;
  /// The most messages of QoS 1 that were there at once before any was answered.
  std::size_t most_unanswered = 0;

 private:
  class Peer final : public net::ConnectionHandler {
   public:
    Peer(FaultyServer& server, std::unique_ptr<net::Connection> connection)
        : server_(server), connection_(std::move(connection)) {
      connection_->set_handler(this);
    }

   private:
    std::size_t on_data(ByteView bytes) override {
      std::size_t used = 0;
      while (true) {
        const auto frame = mqtt::frame_length(bytes.subspan(used), mqtt::kMaxPacketBytes);
        if (frame.status != mqtt::FrameResult::Status::complete) break;
        take(bytes.subspan(used, frame.length));
        used += frame.length;
      }
      server_.most_unanswered = std::max(server_.most_unanswered, unanswered_.size());
      for (const std::uint16_t id : std::exchange(unanswered_, {}))
        send(mqtt::Ack{mqtt::PacketType::puback, id, mqtt::ReasonCode::success, {}});
      return used;
    }
    void on_closed(net::CloseReason) override {
      if (server_.subscriber_ == connection_.get()) server_.subscriber_ = nullptr;
      connection_.reset();
    }
    void take(ByteView frame) {
      const auto packet = mqtt::decode(frame, mqtt::ProtocolVersion::v5, mqtt::Sender::client);
      ASSERT_TRUE(packet.has_value()) << packet.error().why;
      if (std::holds_alternative<mqtt::Connect>(*packet)) {
        mqtt::Connack connack{.reason = server_.answers_.connect};
        connack.properties.receive_maximum = server_.answers_.receive_maximum;
        connack.properties.reason_string = "as the test wants it";
        send(connack);
      } else if (const auto* subscribe = std::get_if<mqtt::Subscribe>(&*packet)) {
        const auto code = mqtt::is_error(server_.answers_.subscribe)
                              ? static_cast<std::uint8_t>(server_.answers_.subscribe)
                              : static_cast<std::uint8_t>((*subscribe->subscriptions.begin()).qos);
        server_.subscriber_ = connection_.get();
        send(mqtt::Suback{subscribe->packet_id, {&code, 1}, {}});
      } else if (const auto* publish = std::get_if<mqtt::Publish>(&*packet)) {
        if (publish->packet_id != 0) unanswered_.push_back(publish->packet_id);
        server_.fault_(server_.messages_++, frame, server_);
      }
    }
    template <class P>
    void send(const P& packet) {
      std::vector<std::uint8_t> bytes(mqtt::encoded_size(packet, mqtt::ProtocolVersion::v5));
      ASSERT_TRUE(mqtt::encode(packet, mqtt::ProtocolVersion::v5, bytes).has_value());
      connection_->write(ByteView(bytes));
    }
    FaultyServer& server_;
    std::unique_ptr<net::Connection> connection_;
    std::vector<std::uint16_t> unanswered_;
  };

  Fault fault_;
  Answers answers_;
  std::uint64_t messages_ = 0;
  net::Connection* subscriber_ = nullptr;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace dunlin::load::test
