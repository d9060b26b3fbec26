#pragma once
// Runs monitors over what is stored, whatever way it came, and raises alarms.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "hub/bus.h"
#include "model/operation.h"
#include "model/reply.h"
#include "model/retry.h"
#include "service/alarm/alarm_service.h"
#include "service/monitor/monitored.h"
#include "service/series/series_store.h"
#include "store/keyed.h"
#include "store/repository.h"

namespace dunlin::monitor {

/// Everything it works with; all must outlive it.
struct MonitorEnvironment {
  Executor& executor;
  hub::Bus& bus;
  store::Keyed& keyed;
  store::Repository& repository;
  alarm::AlarmService& alarms;
  metrics::Registry& metrics;
  series::SampleFeed& feed;
  /// Whether a device is not looked at: it is in maintenance. Null: none is.
  std::function<bool(TenantId, std::string_view device)> muted = {};
};

/// One executor's thread; completions run there.
class MonitorService {
 public:
  /// Before the series store is opened.
  explicit MonitorService(MonitorEnvironment environment);
  ~MonitorService();

  /// Reads the monitors and what they have learned, and goes on with the samples where it left off; behind
  /// the open series store. `started` runs once.
  void start(std::move_only_function<void(Result<void>)> started);
  /// Saves what has been learned since the last time, if nothing else is being saved. Errors: those of the
  /// store.
  void flush(std::move_only_function<void(Result<void>)> flushed);

  /// Declares monitor.list, put, get, delete, state.
  void declare(model::OperationTable& table);

 private:
  struct Round;
  using RoundRef = std::shared_ptr<Round>;  // handed from completion to completion; one owner at a time
  using Done = std::move_only_function<void(Result<void>)>;

  void load_monitors(Done done);
  void load_states(Done done);
  void restore(const store::Entry& entry);
  void follow(const std::vector<hub::JournalPosition>& from);
  void leave_journals();
  bool wants(const series::SeriesInfo& series) const;
  void take(const series::FeedBatch& batch, Task done);
  void judge(const series::StoredSample& sample, Round& round);
  void judge(const std::string& key, const Monitor& monitor, const series::StoredSample& sample,
             Round& round);
  void find(const Monitor& monitor, TenantId tenant, const std::string& device,
            const analytics::WatchEvent& event, Round& round);
  void look();
  void save(RoundRef round);
  void write(RoundRef round);
  void finish(Round& round);
  void when_free(Task task);

  void put(const model::Caller& caller, const boost::json::object& request, model::Reply reply);
  void remove(const model::Caller& caller, const std::string& name, model::Reply reply);
  /// Another monitor, or none, under that key.
  void install(const std::string& key, std::optional<Monitor> monitor, Task done);
  void forget(const std::string& key, const Monitor& monitor, Round& round);
  boost::json::array states_of(const std::string& key, const std::optional<std::string>& device) const;

  MonitorEnvironment environment_;
  std::map<std::string, Monitor> monitors_;             // by tenant and name
  std::multimap<std::string, std::string> by_channel_;  // tenant and channel to keys of monitors_
  std::map<std::string, Monitored> states_;             // by key of monitors_, a zero byte, and device
  std::set<std::string> changed_;                       // of states_, since they were saved
  store::Position judged_to_ = 0;                       // of the log of samples; not all saved
  std::optional<store::Position> saved_to_;
  WallTime saved_at_{};
  enum class Busy : std::uint8_t { no, yes } busy_ = Busy::no;
  std::deque<Task> waiting_;  // until it is not busy
  TimerId timer_;
  std::unique_ptr<series::Follower> follower_;
  model::Retry retry_;
  metrics::Cell& judged_;
  metrics::Cell& raised_;
  metrics::Cell& untold_;
};

std::vector<model::OperationSpec> operations();

}  // namespace dunlin::monitor
