#pragma once
// What the simulated devices do all day. They write down in the history what they sent and what was
// acknowledged.

#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/rng.h"
#include "client.h"
#include "history.h"

namespace dunlin::sim {

class Device {
 public:
  Device(std::string name, Executor& executor, Rng& rng, History& history)
      : name_(std::move(name)), executor_(executor), rng_(rng), history_(history) {}
  virtual ~Device() { executor_.cancel(timer_); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  virtual ClientEvents events();
  /// Takes the client that was made with events(), and begins.
  void start(std::unique_ptr<Client> client);
  /// Sends nothing new from now on.
  void rest() { working_ = false; }
  virtual bool idle() const { return client_->idle(); }
  virtual Stream::Way way() const { return Stream::Way::direct; }
  Client& client() { return *client_; }
  const std::string& name() const { return name_; }

 protected:
  virtual void subscribe() {}
  virtual void work() = 0;
  virtual void acknowledged(std::uint64_t tag) = 0;
  virtual void refused(std::uint64_t) {}
  virtual void message(std::string_view, std::string_view) {}
  virtual Duration pause() { return std::chrono::milliseconds{300 + rng_.below(2000)}; }

  std::string name_;
  Executor& executor_;
  Rng& rng_;
  History& history_;
  std::unique_ptr<Client> client_;

 private:
  void turn();
  TimerId timer_;
  bool working_ = true;
};

/// Publishes numbers, counted per channel, in bursts.
class TelemetryDevice final : public Device {
 public:
  TelemetryDevice(std::string name, std::string site, Stream::Way way, Executor& executor, Rng& rng,
                  History& history);
  Stream::Way way() const override { return way_; }

 private:
  enum class Shape : std::uint8_t { number, object, timed };
  struct Channel {
    Stream* stream;
    Shape shape;
    std::int64_t last_time = 0;
  };
  void work() override;
  void acknowledged(std::uint64_t tag) override;
  void refused(std::uint64_t tag) override;
  void emit(std::size_t index);
  std::string payload(Channel& channel, Sequence sequence);

  std::string site_;
  Stream::Way way_;
  std::vector<Channel> channels_;
};

/// Writes its state to a retained topic and clears it now and then.
class RetainedDevice final : public Device {
 public:
  RetainedDevice(std::string name, Executor& executor, Rng& rng, History& history);

 private:
  void work() override;
  void acknowledged(std::uint64_t) override { topic_.acknowledged = topic_.writes.size(); }
  RetainedTopic& topic_;
  mqtt::QoS qos_;
};

/// Reports to its shadow and listens for the answers.
class ShadowDevice final : public Device {
 public:
  ShadowDevice(std::string name, Executor& executor, Rng& rng, History& history);

 private:
  void subscribe() override;
  void work() override;
  void acknowledged(std::uint64_t) override { thing_.reported_acknowledged = thing_.reported.size(); }
  void message(std::string_view topic, std::string_view payload) override;
  ShadowThing& thing_;
};

/// Listens to all telemetry.
class Subscriber final : public Device {
 public:
  Subscriber(std::string name, mqtt::QoS qos, Executor& executor, Rng& rng, History& history);
  ClientEvents events() override;

 private:
  void subscribe() override { client_->subscribe("demo/+/sensor/+/+", qos_); }
  void work() override {}
  void acknowledged(std::uint64_t) override {}
  void message(std::string_view topic, std::string_view payload) override;
  mqtt::QoS qos_;
  Reader& reader_;
};

/// A random change, the `number`th of a shadow's part.
ShadowChange random_change(std::size_t number, Rng& rng);
/// {"state":{part:{...}}}
std::string shadow_update(std::string_view part, const ShadowChange& change);
/// The sequence number in a telemetry payload: the number itself or the member "value"; 0 when there is none.
Sequence sequence_of(std::string_view payload);

}  // namespace dunlin::sim
