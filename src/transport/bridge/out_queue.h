#pragma once
// What goes out: a durable consumer of the journal in front of the line to the peer. Its place moves on only
// when the peer has acknowledged; QoS 2 exchanges outlive the process, so that the peer gets each message
// once.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "hub/bus.h"
#include "store/keyed.h"
#include "transport/bridge/settings.h"
#include "transport/mqtt/client.h"

namespace dunlin::bridge {

struct OutEnvironment {
  Executor& executor;
  hub::Bus& bus;
  store::Keyed& keyed;
  metrics::Registry& metrics;
};

struct OutOptions {
  std::string bridge;  // the bridge's name
  std::string node;    // this server's id, for the marks of origin
  std::vector<TopicRule> rules;
  std::uint64_t max_bytes = 0;  // of the journal, kept back for this queue
  Full full = Full::drop_oldest;
};

struct OutStatus {
  std::uint64_t waiting_records = 0;  // of the journal behind the place, at most kReliefInterval old
  std::uint64_t waiting_bytes = 0;    // an estimate
  std::size_t in_flight = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t refused = 0;  // by the peer, for good
  std::uint64_t dropped = 0;
  std::uint64_t expired = 0;
  std::uint64_t stopped_loops = 0;
};

/// One executor's thread. Everything named in the environment outlives it, and so does the client.
class OutQueue final : public transport::ExchangeKeeper {
 public:
  using Done = std::move_only_function<void(Result<void>)>;

  OutQueue(OutEnvironment environment, OutOptions options);
  ~OutQueue() override;
  OutQueue(const OutQueue&) = delete;
  OutQueue& operator=(const OutQueue&) = delete;

  /// Reads where it left off; a new bridge begins with what is published from now on, and is known to begin
  /// there when `started` runs. Errors: those of the store, corrupt.
  void start(Done started);
  /// Before the client's start(), after `started`.
  void attach(transport::MqttClient& client);
  void link_up();
  void link_down();
  /// Nothing is kept for it any more.
  void forget(Done forgotten);
  /// Saves the place.
  void flush(Done done);

  OutStatus status() const;

  // transport::ExchangeKeeper
  void assigned(std::uint64_t tag, std::uint16_t packet_id, Task stored) override;
  void received(std::uint64_t tag, std::uint16_t packet_id, Task stored) override;

 private:
  struct Entry {
    enum class State : std::uint8_t { waiting, sent, finished } state = State::waiting;
    hub::JournalPosition at;
    hub::Message message;  // as it goes out
    transport::Exchange resumed;
  };
  struct StoredExchange {
    hub::JournalPosition at;
    std::uint16_t packet_id = 0;
    enum class Step : std::uint8_t { assigned = 1, received = 2, done = 3 } step = Step::assigned;
  };

  Result<void> read_state(const std::string& text);
  std::string state_text() const;
  void consume();
  void begin_here(Done started);
  void take(std::vector<hub::Delivery> batch, Task done);
  Entry prepare(hub::Delivery delivery);
  bool translate(hub::Message& message);
  void pump();
  std::optional<hub::Message> outgoing(const hub::Message& message) const;
  void send(Entry& entry, std::uint64_t number);
  void answered(std::uint64_t number, Result<void> result);
  void finish(Entry& entry, std::uint64_t number);
  void retry_later();
  void advance();
  void save_later();
  void save();
  void saved(const Result<void>& written, std::vector<hub::JournalPosition> positions,
             std::vector<Task> stored);
  void relieve();
  void took_stock(const std::vector<hub::ConsumerLag>& journals);
  void drop_front();
  std::string key() const;

  OutEnvironment environment_;
  OutOptions options_;
  std::string own_principal_;
  std::shared_ptr<int> alive_ =
      std::make_shared<int>(0);  // shared: with completions that may come after the end
  transport::MqttClient* client_ = nullptr;
  std::unique_ptr<hub::Consumer> consumer_;
  Task batch_done_;
  enum class Link : std::uint8_t { down, up } link_ = Link::down;
  std::deque<Entry> entries_;
  std::uint64_t first_number_ = 1;  // of entries_.front()
  std::uint64_t next_to_send_ = 1;
  std::size_t in_flight_ = 0;
  std::vector<hub::JournalPosition> positions_;        // done with
  std::map<std::uint64_t, StoredExchange> exchanges_;  // by the entry's number
  std::map<hub::JournalPosition, StoredExchange>
      left_;  // of an earlier process, until their messages are met
  std::vector<hub::JournalPosition> drop_until_;
  enum class Saving : std::uint8_t { no, yes } saving_ = Saving::no;
  bool changed_ = false;        // since the last save began
  std::vector<Task> unstored_;  // wait for the next save
  std::vector<Done> flushes_;
  TimerId save_timer_;
  TimerId retry_timer_;
  TimerId relief_timer_;
  std::uint64_t waiting_records_ = 0;
  std::uint64_t waiting_bytes_ = 0;
  std::uint64_t dropped_told_ = 0;
  metrics::Cell& acknowledged_;
  metrics::Cell& retried_;
  metrics::Cell& refused_;
  metrics::Cell& dropped_;
  metrics::Cell& expired_;
  metrics::Cell& loops_;
  metrics::Cell& waiting_gauge_;
};

/// Removes what a bridge that is not configured any more has left: its place in the journals and its row.
void forget_out_queue(OutEnvironment environment, const std::string& bridge, OutQueue::Done done);

/// The row of the table meta in which a bridge's queue keeps its place; the rows of all begin with the
/// prefix.
inline constexpr std::string_view kOutKeyPrefix = "bridge/out/";
/// The principal that publishes what comes in.
std::string principal_name(const std::string& bridge);

}  // namespace dunlin::bridge
