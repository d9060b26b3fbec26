#pragma once
// One bridge: the line to the peer, what goes out and what comes in.

#include <boost/json/fwd.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/metrics.h"
#include "base/rng.h"
#include "hub/hub.h"
#include "net/network.h"
#include "store/keyed.h"
#include "transport/bridge/credentials.h"
#include "transport/bridge/local_session.h"
#include "transport/bridge/out_queue.h"
#include "transport/bridge/settings.h"

namespace dunlin::bridge {

/// Everything it works with; all must outlive it.
struct BridgeEnvironment {
  Executor& executor;
  net::Network& network;
  WorkerPool& workers;
  security::SecretFiles files;
  hub::Hub& hub;
  store::Keyed& keyed;
  metrics::Registry& metrics;
  Rng& rng;
  std::string secrets_folder;
};

/// What the client of a bridge is told. Pure.
transport::ClientOptions client_options(const BridgeEnvironment& environment, const BridgeSettings& settings,
                                        const Credentials& credentials, const std::string& node);

struct InStatus {
  std::uint64_t received = 0;
  std::uint64_t stored = 0;         // published here
  std::uint64_t refused = 0;        // no rule allows its topic
  std::uint64_t stopped_loops = 0;  // had been here before, or had passed too many servers
};

/// One executor's thread.
class Bridge {
 public:
  enum class State : std::uint8_t { starting, connecting, connected, disconnected };

  /// The settings have been checked.
  Bridge(BridgeEnvironment environment, BridgeSettings settings, Source source, std::string node);
  ~Bridge();
  Bridge(const Bridge&) = delete;
  Bridge& operator=(const Bridge&) = delete;

  void start();
  /// Says goodbye to the peer and saves the place. It may be destroyed later than in `stopped`, not inside
  /// it.
  void stop(OutQueue::Done stopped);
  /// As stop(), but nothing is kept any more.
  void remove(OutQueue::Done removed);

  void on_change(std::function<void(State)> handler) { on_change_ = std::move(handler); }

  const BridgeSettings& settings() const { return settings_; }
  State state() const { return state_; }
  WallTime since() const { return since_; }
  /// For people; empty when nothing is wrong.
  const std::string& last_error() const { return last_error_; }
  std::uint64_t connections() const { return static_cast<std::uint64_t>(connections_.read()); }
  OutStatus out() const { return out_.status(); }
  InStatus in() const;
  /// "5" or "3.1.1", as spoken now or tried last.
  std::string_view version() const;

 private:
  void load();
  void open_line(Credentials credentials);
  void changed(transport::ClientState state, std::string_view reason);
  void set_state(State state);
  void subscribe_all();
  void came_in(transport::ClientMessage message, Task handled);
  bool translate(transport::ClientMessage& message);
  void publish(hub::Message message, std::uint16_t packet_id, Task handled);
  void release(std::uint16_t packet_id, Task handled);
  void retry_later(Task task);
  void flow(LocalSession::Flow flow);
  void acknowledge(Task handled);
  void publish_state();
  void end_line();

  BridgeEnvironment environment_;
  BridgeSettings settings_;
  std::vector<TopicRule> rules_;
  Source source_;
  std::string node_;
  PrincipalRef self_;
  std::shared_ptr<int> alive_ =
      std::make_shared<int>(0);  // shared: with completions that may come after the end
  enum class Life : std::uint8_t { fresh, running, stopped } life_ = Life::fresh;
  OutQueue out_;
  LocalSession local_;
  std::unique_ptr<transport::MqttClient> client_;
  std::function<void(State)> on_change_;
  State state_ = State::starting;
  WallTime since_{};
  std::string last_error_;
  bool told_ = false;               // anyone of the state
  std::uint64_t peer_session_ = 0;  // counts the sessions that the peer had for this bridge
  bool held_ = false;
  std::vector<Task> held_acknowledgements_;
  std::vector<Task> retries_;
  TimerId retry_timer_;
  TimerId load_timer_;
  TimerId end_timer_;
  OutQueue::Done ending_;
  metrics::Cell& up_;
  metrics::Cell& connections_;
  metrics::Cell& received_;
  metrics::Cell& stored_;
  metrics::Cell& refused_;
  metrics::Cell& loops_;
  metrics::Cell& not_stored_;
};

std::string_view state_name(Bridge::State state);

}  // namespace dunlin::bridge
