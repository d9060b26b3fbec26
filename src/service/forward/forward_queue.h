#pragma once
// Store and forward: a cursor over the gateway's journal that moves when the platform has acknowledged.
// Format of the saved cursor: README.md.

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "hub/bus.h"
#include "model/mapping.h"
#include "service/forward/aggregator.h"
#include "service/forward/upstream.h"
#include "store/keyed.h"
#include "store/log.h"

namespace dunlin::forward {

/// What happens when the journal has reached its bound while the platform does not take messages.
enum class DropPolicy : std::uint8_t {
  oldest,  // the oldest that wait go, counted and told; new ones are taken
  newest,  // new ones are refused to who publishes them
};

struct ForwardOptions {
  std::vector<std::string> filters;  // what goes up; messages that came down never do
  std::uint64_t max_bytes = 1024ULL * 1024 * 1024;  // of the journal
  std::uint64_t segment_bytes = 16ULL * 1024 * 1024;  // of the journal's segments: dropping frees whole ones
  DropPolicy drop = DropPolicy::oldest;
};

/// Everything it works with; all must outlive it.
struct ForwardEnvironment {
  Executor& executor;
  hub::Bus& bus;
  store::Log& log;  // the bus's only journal
  store::Keyed& keyed;
  Upstream& upstream;
  const Aggregator& aggregator;   // knows which messages go up as summaries only
  const model::Mapping& mapping;  // knows which payloads are measurements
  metrics::Registry& metrics;
};

struct ForwardStatus {
  std::uint64_t waiting_records = 0;  // of the journal behind the cursor: not all of them need to go up
  std::uint64_t journal_bytes = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t acknowledged = 0;  // since the start
  std::uint64_t refused = 0;       // by the platform for good
  std::uint64_t dropped = 0;       // by the policy `oldest`
};

/// One round of dropping.
struct Dropped {
  std::uint64_t count = 0;
  WallTime first{};  // times of arrival
  WallTime last{};
};

/// One executor's thread; completions run there.
class ForwardQueue {
 public:
  ForwardQueue(ForwardEnvironment environment, ForwardOptions options);
  ~ForwardQueue();
  ForwardQueue(const ForwardQueue&) = delete;
  ForwardQueue& operator=(const ForwardQueue&) = delete;

  /// Takes up the journal where it left off. `started` runs once.
  void start(std::move_only_function<void(Result<void>)> started);

  /// The line is there: messages that arrived before now are marked as historical.
  void link_up();
  void link_down();
  /// Told of every round of dropping.
  void on_dropped(std::function<void(const Dropped&)> handler) { on_dropped_ = std::move(handler); }
  /// Saves the cursor; for an orderly shutdown.
  void flush(std::move_only_function<void(Result<void>)> done);

  ForwardStatus status() const;

 private:
  struct Entry {
    hub::Message message;
    store::Position position = 0;
    std::int64_t stamp = 0;  // the last one given, this message's included
    enum class State : std::uint8_t { waiting, sent, finished } state = State::waiting;
  };
  /// What is saved: everything up to `position` is done with.
  struct Cursor {
    store::Position position = 0;
    std::int64_t stamp = 0;
  };

  void consume();
  void take(std::vector<hub::Delivery> batch, Task done);
  bool goes_up(const hub::Message& message) const;
  Entry prepare(hub::Delivery delivery);
  void pump();
  std::optional<hub::Message> outgoing(const hub::Message& message) const;
  void send(Entry& entry, std::uint64_t number);
  void answered(std::uint64_t number, Result<void> result);
  void retry_later();
  void advance();
  void ask_for_more();
  void save_later();
  void save();
  void relieve();
  void drop_front();
  void tell_dropped();
  void update_gauges();

  ForwardEnvironment environment_;
  ForwardOptions options_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // shared: with completions that may come after the end
  std::unique_ptr<hub::Consumer> consumer_;
  std::deque<Entry> entries_;
  std::uint64_t first_number_ = 0;  // of entries_.front()
  std::uint64_t next_to_send_ = 0;
  std::size_t in_flight_ = 0;
  Task batch_done_;
  Cursor reached_;
  Cursor saved_;
  std::int64_t last_stamp_ = 0;
  enum class Link : std::uint8_t { down, up } link_ = Link::down;
  WallTime up_since_{};
  enum class Saving : std::uint8_t { no, yes } saving_ = Saving::no;
  std::vector<std::move_only_function<void(Result<void>)>> flushes_;
  TimerId save_timer_;
  TimerId retry_timer_;
  TimerId relief_timer_;
  store::Position drop_until_ = 0;
  Dropped dropping_;
  std::function<void(const Dropped&)> on_dropped_;
  metrics::Cell& sent_;
  metrics::Cell& acknowledged_;
  metrics::Cell& retried_;
  metrics::Cell& refused_;
  metrics::Cell& expired_;
  metrics::Cell& dropped_;
  metrics::Cell& waiting_gauge_;
  metrics::Cell& bytes_gauge_;
};

}  // namespace dunlin::forward
