#pragma once
// One MQTT client of a load: sends numbered messages or counts those of others.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/load_options.h"
#include "net/connection.h"
#include "wire/mqtt/encode.h"

namespace dunlin::bench {

/// What the first bytes of a payload say, little endian.
struct Stamp {
  std::uint64_t run = 0;  // tells this load's messages from those of others
  std::uint32_t publisher = 0;
  std::uint32_t number = 0;
};
void write_stamp(const Stamp& stamp, std::uint8_t* out);
/// The view holds at least kStampBytes.
Stamp read_stamp(ByteView payload);

struct ClientRole {
  std::uint32_t number = 0;  // among the publishers or the subscribers
  std::string client_id;
  std::string filter;  // empty: subscribes to nothing
  std::string topic;   // empty: publishes nothing
};

/// One thread. Owned by its load, which outlives its connection.
class LoadClient final : public net::ConnectionHandler {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void client_ready(LoadClient& client) = 0;
    virtual void client_received(LoadClient& client, ByteView payload) = 0;
    /// The next message, in the order sent, is acknowledged (QoS 2: completed).
    virtual void client_confirmed(LoadClient& client) = 0;
    virtual void client_failed(std::string why) = 0;
  };

  LoadClient(Events& events, const LoadOptions& options, std::uint64_t run, ClientRole role);

  void start(std::unique_ptr<net::Connection> connection);
  /// Sends the next `count` messages.
  void publish(std::uint32_t count);
  /// Breaks the connection, so that no port stays in TIME_WAIT.
  void stop();

  const ClientRole& role() const { return role_; }
  std::uint32_t sent() const { return sent_; }
  std::uint32_t confirmed() const { return confirmed_; }
  std::uint64_t confirmed_out_of_order() const { return confirmed_out_of_order_; }

 private:
  std::size_t on_data(ByteView bytes) override;
  void on_closed(net::CloseReason reason) override;

  void handle(ByteView frame);
  void handle_publish(const mqtt::Publish& publish);
  void handle_ack(const mqtt::Ack& ack);
  void prepare_publish();
  template <class P>
  void send(const P& packet);
  void send_ack(mqtt::PacketType type, std::uint16_t packet_id);
  static std::uint16_t packet_id_of(std::uint32_t number) {
    return static_cast<std::uint16_t>(number % 65535 + 1);
  }

  Events& events_;
  const LoadOptions& options_;
  std::uint64_t run_;
  ClientRole role_;
  std::unique_ptr<net::Connection> connection_;
  std::vector<std::uint8_t> packet_;  // one PUBLISH, patched for each number
  mqtt::PublishHeader header_;
  std::vector<std::uint8_t> batch_;
  std::uint32_t sent_ = 0;
  std::uint32_t confirmed_ = 0;
  std::uint64_t confirmed_out_of_order_ = 0;
};

}  // namespace dunlin::bench
