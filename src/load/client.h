#pragma once
// One MQTT client of a load: sends numbered messages or reads those of others.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "load/options.h"
#include "load/stamp.h"
#include "net/connection.h"
#include "wire/mqtt/encode.h"

namespace dunlin::load {

struct ClientRole {
  std::uint16_t number = 0;  // among the publishers or the subscribers
  std::string client_id;
  std::string filter;                    // empty: subscribes to nothing
  std::string topic;                     // empty: publishes nothing of its own
  std::uint16_t keep_alive = 0;          // seconds
  std::vector<std::string> others = {};  // subscribed to with QoS 0 before it is ready; for these alone
};

/// One thread. Owned by its load, which outlives its connection; must not be destroyed from inside an event.
class LoadClient final : public net::ConnectionHandler {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    /// CONNACK has come and, with a filter, SUBACK.
    virtual void client_ready(LoadClient& client) = 0;
    /// `now` is when the bytes were read.
    virtual void client_received(LoadClient& client, const Stamp& stamp, Instant now) = 0;
    /// The next message, in the order sent, is acknowledged (QoS 2: completed).
    virtual void client_confirmed(LoadClient& client) = 0;
    virtual void client_ponged(LoadClient&) {}
    /// The server has ended the connection after disconnect().
    virtual void client_ended(LoadClient&) {}
    /// The last event: the connection is broken or was ended for what the server said.
    virtual void client_failed(LoadClient& client, std::string why) = 0;
  };
  /// When message `number` was to be sent, since the run's beginning.
  using Moment = std::function<Duration(std::uint64_t number)>;

  LoadClient(Events& events, const Clock& clock, const LoadOptions& options, std::uint16_t run,
             ClientRole role);

  void start(std::unique_ptr<net::Connection> connection);
  /// Sends the next `count` messages, each with the moment that `moment` gives for it.
  void publish(std::uint64_t count, const Moment& moment);
  /// One retained message, or with an empty payload its end.
  void publish_retained(std::string_view topic, const Stamp& stamp, ByteView payload);
  /// Once more than the role's filter; no event follows.
  void subscribe(std::string_view filter);
  void ping();
  /// Says goodbye; client_ended follows when the server has closed.
  void disconnect();
  /// Breaks the connection without an event, so that no port stays in TIME_WAIT.
  void stop();

  const ClientRole& role() const { return role_; }
  bool is_open() const { return open_; }
  std::uint64_t sent() const { return sent_; }
  std::uint64_t confirmed() const { return confirmed_; }
  std::uint64_t confirmed_out_of_order() const { return confirmed_out_of_order_; }
  /// Messages of QoS 1 and 2 that the server takes before it has confirmed any: MQTT 5.0 section 3.2.2.3.3.
  std::uint64_t receive_maximum() const { return receive_maximum_; }
  /// Seconds, of the CONNACK or the role's; 0: none.
  std::uint16_t keep_alive() const { return keep_alive_; }
  /// Bytes that the operating system has not taken yet.
  std::size_t waiting_output() const { return open_ ? connection_->pending_output() : 0; }

 private:
  std::size_t on_data(ByteView bytes) override;
  void on_closed(net::CloseReason reason) override;

  void take(ByteView frame, Instant now);
  void take_publish(mqtt::QoS qos, std::uint16_t packet_id, ByteView payload, Instant now);
  void take_ack(mqtt::PacketType type, std::uint16_t packet_id);
  void take_other(ByteView frame, Instant now);
  void take_connack(const mqtt::Connack& connack);
  void take_suback(const mqtt::Suback& suback);
  void subscribe_others();
  std::string_view unsupported(const mqtt::Connack& connack) const;
  bool prepare_publish();
  template <class P>
  void send(const P& packet);
  void queue_ack(mqtt::PacketType type, std::uint16_t packet_id);
  void fail(std::string why);
  static std::uint16_t packet_id_of(std::uint64_t number) {
    return static_cast<std::uint16_t>(number % 65535 + 1);
  }

  Events& events_;
  const Clock& clock_;
  const LoadOptions& options_;
  std::uint16_t run_;
  ClientRole role_;
  std::unique_ptr<net::Connection> connection_;
  bool open_ = false;
  bool ready_ = false;
  bool leaving_ = false;
  std::uint16_t keep_alive_ = 0;
  std::vector<std::uint8_t> packet_;  // one PUBLISH, patched for each number
  mqtt::PublishHeader header_;
  std::vector<std::uint8_t> batch_;
  std::vector<std::uint8_t> acks_;  // of what one read has brought
  std::uint64_t sent_ = 0;
  std::uint64_t confirmed_ = 0;
  std::uint64_t confirmed_out_of_order_ = 0;
  std::uint64_t receive_maximum_ = 65'535;
  std::size_t others_done_ = 0;
};

}  // namespace dunlin::load
