#pragma once
// Computes derived channels from what is stored, as it is stored and for history, and stores them as series.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "model/operation.h"
#include "model/retry.h"
#include "service/derived/derivation.h"
#include "service/derived/history.h"
#include "service/series/series_store.h"
#include "store/keyed.h"
#include "store/repository.h"

namespace dunlin::derived {

/// Everything it works with; all must outlive it.
struct DerivedEnvironment {
  Executor& executor;
  store::Keyed& keyed;
  store::Repository& repository;
  series::SeriesStore& store;
  metrics::Registry& metrics;
  /// Makes tag() know the devices of a tenant.
  std::function<void(TenantId, std::move_only_function<void(Result<void>)>)> load_tags;
  std::function<std::optional<std::string>(TenantId, std::string_view device, std::string_view name)> tag;
};

/// One executor's thread; completions run there.
class DerivedService {
 public:
  /// Before the series store is opened.
  explicit DerivedService(DerivedEnvironment environment);
  ~DerivedService();
  DerivedService(const DerivedService&) = delete;
  DerivedService& operator=(const DerivedService&) = delete;

  /// Reads the definitions and what is known of devices, and goes on with the samples where it left off;
  /// behind the open series store. `started` runs once.
  void start(std::move_only_function<void(Result<void>)> started);
  /// Saves what has become known since the last time, if nothing else is being saved. Errors: those of the
  /// store.
  void flush(std::move_only_function<void(Result<void>)> flushed);

  /// Declares derived.list, set, get, delete, test, backfill, progress, cancel.
  void declare(model::OperationTable& table);

 private:
  struct Round;
  using RoundRef = std::shared_ptr<Round>;  // handed from completion to completion; one owner at a time
  using Done = std::move_only_function<void(Result<void>)>;
  /// A definition at work.
  struct Worker {
    TenantId tenant;
    std::shared_ptr<const Definition> definition;  // shared: with runs over history
    std::unique_ptr<Derivation> derivation;
    std::set<std::string> saved{};  // devices with a stored state
    std::uint64_t results = 0;      // since the start
  };
  using Workers = std::map<std::string, Worker>;  // by tenant and name
  struct Target {
    Worker* worker;
    std::size_t input;
  };

  void load_definitions(Done done);
  void load_states(Done done);
  void restore(const store::Entry& entry);
  void load_tags(Done done);
  void follow(const std::vector<hub::JournalPosition>& from);
  Worker make_worker(TenantId tenant, std::shared_ptr<const Definition> definition);
  bool is_for(const Worker& worker, const std::string& device) const;
  bool computes(const Worker& worker, const std::string& device) const;
  const std::vector<Target>& targets_of(const series::SeriesInfo& series);
  void take(const series::FeedBatch& batch, Task done);
  void look();
  void collect(Round& round);
  void write(RoundRef round);
  void save(RoundRef round);
  void save_states(Round& round);
  void put_state(const RoundRef& round);
  void finish(Round& round);
  void when_free(Task task);

  void set(const model::Caller& caller, const boost::json::object& request, model::Reply reply);
  void remove(const model::Caller& caller, const std::string& name, model::Reply reply);
  void install(const std::string& key, TenantId tenant, std::shared_ptr<const Definition> definition,
               Task done);
  Result<void> check(TenantId tenant, const Definition& definition) const;
  std::vector<std::string> devices_of(const Worker& worker) const;
  void test(const model::Caller& caller, const boost::json::object& request, model::Reply reply);
  void backfill(const model::Caller& caller, const boost::json::object& request, model::Reply reply);
  void progress(const model::Caller& caller, const std::string& name, model::Reply reply) const;
  void cancel(const model::Caller& caller, const std::string& name, model::Reply reply);
  void store_history(const Worker& worker, std::vector<Derived> results,
                     std::move_only_function<void(Result<History::Go>)> stored);
  boost::json::object shown(const Worker& worker) const;
  model::Sample sample_of(const Worker& worker, Derived result) const;

  DerivedEnvironment environment_;
  Workers workers_;
  std::unordered_map<std::uint32_t, std::vector<Target>> targets_;  // by number of the series; found once
  WallTime targets_since_{};
  store::Position computed_to_ = 0;  // of the log of samples; not all saved
  std::optional<store::Position> saved_to_;
  WallTime saved_at_{};
  enum class Busy : std::uint8_t { no, yes } busy_ = Busy::no;
  std::deque<Task> waiting_;  // until it is not busy
  std::size_t histories_ = 0;
  std::map<std::string, std::shared_ptr<History>> backfills_;  // at work, by tenant and name
  TimerId timer_;
  std::unique_ptr<series::Follower> follower_;
  model::Retry retry_;
  metrics::Cell& samples_;
  metrics::Cell& results_;
  metrics::Cell& late_;
  metrics::Cell& refused_;
};

std::vector<model::OperationSpec> operations();

}  // namespace dunlin::derived
