#pragma once
// What a simulated device needs of an MQTT client, whoever wrote it.

#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"
#include "net/connection.h"
#include "wire/mqtt/packet.h"

namespace dunlin::sim {

/// What the device hears. `tag` is the one given to publish().
struct ClientEvents {
  std::function<void(std::uint64_t tag)> acknowledged;
  std::function<void(std::uint64_t tag)> refused;  // the client sends it again
  std::function<void(std::string_view topic, std::string_view payload)> message;
  std::function<void(std::string what)> broken;  // the server broke a promise: "rule: details"
  std::function<void()> subscribed;              // for the first time; the product's client does not tell
};

/// Comes back by itself whenever its connection is lost. One thread.
class Client {
 public:
  virtual ~Client() = default;
  enum class Taken : std::uint8_t { no, yes };
  /// QoS 0 is sent at once or, offline, not taken; QoS 1 and 2 wait for their turn.
  virtual Taken publish(std::string topic, std::string payload, mqtt::QoS qos, bool retain,
                        std::uint64_t tag) = 0;
  /// Before start(); kept for every session.
  virtual void subscribe(std::string filter, mqtt::QoS qos) = 0;
  virtual void start() = 0;
  /// The device loses its power: its connection is gone without a word, and it stays away for `pause`.
  virtual void drop(Duration pause) = 0;
  /// It disconnects in an orderly way and stays away.
  virtual void leave(Duration pause) = 0;
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;
  /// Everything that was taken has been acknowledged.
  virtual bool idle() const = 0;
  /// Null when there is none, or it is not for others.
  virtual net::Connection* connection() = 0;
};

}  // namespace dunlin::sim
